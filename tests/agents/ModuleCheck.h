// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace wasmproxy::test {

/// Whether what arrives is, once unboxed, the expected module. Bytes that are the module's own are compared as they
/// come and not kept, so that a thousand agents fit into one process; what differs is kept, unboxed and hashed.
class ModuleCheck {
public:
    /// `module` and `sha256` (hex) outlive it.
    ModuleCheck(const std::string& module, const std::string& sha256) : _module(&module), _sha256(&sha256) {}

    void add(const char* bytes, std::size_t count);
    bool right() const; ///< of all that came
    std::size_t received() const noexcept { return _received; }

private:
    const std::string* _module;
    const std::string* _sha256;
    std::size_t _received = 0;
    bool _differs = false;
    std::string _kept;
};

} // namespace wasmproxy::test
