// SPDX-License-Identifier: Apache-2.0
// The section walker on hostile bytes. Oracle: bounded facts of printable names, or ModuleUnusable.
#include "wasm/ModuleInspector.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace wasmproxy;

namespace {

class Bytes : public Blob {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : _data(data), _size(size) {}
    std::uint64_t size() const noexcept override { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        if (offset >= _size) return 0;
        // Short reads are allowed, so they are given.
        const std::size_t count = std::min({size, _size - static_cast<std::size_t>(offset), std::size_t(777)});
        std::memcpy(buffer, _data + offset, count);
        return count;
    }

private:
    const std::uint8_t* _data;
    std::size_t _size;
};

void check(const std::vector<std::string>& names) {
    if (names.size() > 1000) std::abort();
    for (const auto& name : names)
        for (const char c : name)
            if (c < 0x20 || c > 0x7e) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes blob(data, size);
    try {
        const auto facts = host::inspectModule(blob);
        check(facts.exports);
        check(facts.imports);
        if (facts.proxyAbi.size() > 24) std::abort();
        if (size < 8 || std::memcmp(data, "\0asm\1\0\0\0", 8) != 0) std::abort();
    } catch (const Error& error) {
        if (error.code() != ErrorCode::ModuleUnusable) std::abort();
    }
    return 0;
}
