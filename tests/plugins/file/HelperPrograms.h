// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugins/TemporaryDirectory.h"

#include <filesystem>
#include <string>

/// A directory of programs that a test writes, all of them shell scripts.
class HelperPrograms {
public:
    std::string write(const std::string& name, const std::string& script) const {
        writeFile(directory / name, "#!/bin/sh\n" + script + "\n");
        std::filesystem::permissions(directory / name, std::filesystem::perms(0755));
        return directory / name;
    }
    const std::string& path() const { return directory.path(); }
    std::string operator/(const std::string& name) const { return directory / name; }
    /// What a program left in a file, without a trailing line end; empty: it is not there.
    std::string left(const std::string& name) const {
        std::ifstream file(directory / name);
        std::string text((std::istreambuf_iterator<char>(file)), {});
        if (!text.empty() && text.back() == '\n') text.pop_back();
        return text;
    }

private:
    TemporaryDirectory directory;
};
