// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

namespace wasmproxy::memory {

class MemorySettings : public Settings {
public:
    Setting<Bytes> maxBytes{this, "max-bytes", Bytes{256u << 20},
                            "Bytes of memory that contents may take, those included that were removed and are still "
                            "being sent. Past it nothing is taken. `capacity`, where eviction begins, is three "
                            "quarters of it unless it is set."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override {
        if (maxBytes.get() < (1u << 20))
            problems.push_back({maxBytes.origin(), prefix + "max-bytes", "expected at least 1MiB"});
    }
};

} // namespace wasmproxy::memory
