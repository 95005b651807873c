// SPDX-License-Identifier: Apache-2.0
#include "guard/GuardedBackend.h"

namespace wasmproxy::host {
namespace {

class GuardedReader : public BodyReader {
public:
    GuardedReader(std::unique_ptr<BodyReader> reader, const PluginGuard& guard)
        : _reader(std::move(reader)), _guard(guard) {}

    std::size_t read(char* buffer, std::size_t size) override {
        return _guard.quick("read", [&] {
            const auto count = _reader->read(buffer, size);
            if (count > size)
                throw Error(ErrorCode::PluginFault, _guard.instance() + " read more than the buffer holds");
            return count;
        });
    }

private:
    std::unique_ptr<BodyReader> _reader;
    const PluginGuard& _guard; // the backend's, which outlives every reader
};

} // namespace

std::optional<Descriptor> GuardedBackend::resolve(Call& call, const Reference& reference,
                                                  const Credential& credential) {
    return _guard.run("resolve", [&] {
        auto descriptor = _plugin->resolve(call, reference, credential);
        if (descriptor && descriptor->digest.empty())
            throw Error(ErrorCode::PluginFault, _guard.instance() + " resolved " + reference.str() + " to no digest");
        return descriptor;
    });
}

std::unique_ptr<BodyReader> GuardedBackend::fetch(Call& call, const Repository& repository,
                                                  const Descriptor& descriptor, const Credential& credential,
                                                  std::uint64_t offset) {
    return _guard.run("fetch", [&]() -> std::unique_ptr<BodyReader> {
        auto reader = _plugin->fetch(call, repository, descriptor, credential, offset);
        if (!reader) return nullptr;
        return std::make_unique<GuardedReader>(std::move(reader), _guard);
    });
}

} // namespace wasmproxy::host
