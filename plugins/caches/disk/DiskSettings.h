// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::disk {

class DiskSettings : public Settings {
public:
    Setting<std::string> directory{this, "directory", "",
                                   "Absolute path of the directory that holds the blobs. Created where it is missing; "
                                   "never shared between two running processes.",
                                   true};
    Setting<Bytes> quarantine{
        this, "quarantine", Bytes{64u << 20},
        "Bytes of damaged content that are kept in DIRECTORY/quarantine for whoever looks into the "
        "cause, beside `capacity`; the oldest leave. 0: damaged content is removed at once."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::disk
