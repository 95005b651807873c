// SPDX-License-Identifier: Apache-2.0
#include "settings/SettingsDocument.h"

#include "settings/DocumentBuilder.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

namespace wasmproxy::host {

const SettingsSection* SettingsDocument::find(const std::string& kind, const std::string& name) const {
    for (const SettingsSection& section : sections) {
        if (section.kind == kind && section.name == name) return &section;
    }
    return nullptr;
}

std::vector<const SettingsSection*> SettingsDocument::all(const std::string& kind) const {
    std::vector<const SettingsSection*> result;
    for (const SettingsSection& section : sections) {
        if (section.kind == kind) result.push_back(&section);
    }
    return result;
}

SettingsDocument readSettings(const std::string& path, std::vector<SettingsProblem>& problems) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        problems.push_back({path, "", std::string("cannot be read: ") + std::strerror(errno)});
        return {};
    }
    if (!S_ISREG(status.st_mode)) { // a fifo would block, a device would not end
        problems.push_back({path, "", "cannot be read: it is not a regular file"});
        return {};
    }
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::string text(MaxSettingsBytes + 1, '\0'); // one more than allowed, for the readers to refuse
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in.is_open() || in.bad()) {
        problems.push_back({path, "", std::string("cannot be read: ") + std::strerror(errno)});
        return {};
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    const std::string file = path.substr(path.rfind('/') + 1);
    const bool xml = file.size() > 4 && file.compare(file.size() - 4, 4, ".xml") == 0;
    return xml ? readXml(text, file, problems) : readIni(text, file, problems);
}

} // namespace wasmproxy::host
