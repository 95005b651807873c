// SPDX-License-Identifier: Apache-2.0
#include "ModuleCheck.h"

#include "support/IstioAgent.h"
#include "support/OciLayout.h"

#include <cstring>

namespace wasmproxy::test {

void ModuleCheck::add(const char* bytes, std::size_t count) {
    if (!_differs &&
        (_received + count > _module->size() || std::memcmp(_module->data() + _received, bytes, count) != 0)) {
        _differs = true;
        _kept = _module->substr(0, _received);
    }
    if (_differs) _kept.append(bytes, count);
    _received += count;
}

bool ModuleCheck::right() const {
    if (!_differs) return _received == _module->size();
    return sha256Hex(unbox(_kept)) == *_sha256;
}

} // namespace wasmproxy::test
