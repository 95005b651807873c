// SPDX-License-Identifier: Apache-2.0
// Credentials from mounted files: <directory>/<registry host>/{username,password}, as Secret volumes and CSI secret
// drivers write them. Read on every call, so a rotated secret is in force at once.
#include <wasmproxy/plugin/Plugin.h>

#include <filesystem>
#include <fstream>

using namespace wasmproxy;

struct DirectorySettings : Settings {
    Setting<std::string> directory{this, "directory", "", "Has a directory per registry host.", true};
};

class DirectorySource : public CredentialSource {
public:
    DirectorySource(HostServices&, std::unique_ptr<DirectorySettings> settings) : _settings(std::move(settings)) {}

    std::vector<Credential> find(Call&, const CredentialQuery& query) override {
        const auto folder = std::filesystem::path(_settings->directory.get()) / query.repository.host();
        std::error_code error;
        const bool absent = std::filesystem::status(folder, error).type() == std::filesystem::file_type::not_found;
        if (absent || !query.secretName.empty()) return {}; // the next source is asked
        auto password = line(folder / "password");
        Credential credential{Credential::Kind::Basic, folder.string(), line(folder / "username"), Secret(password)};
        Secret::wipe(password);
        return {credential};
    }

private:
    static std::string line(const std::filesystem::path& file) {
        std::ifstream in(file);
        char text[4096] = {};
        if (!in.getline(text, sizeof text) || text[0] == '\0')
            throw Error(ErrorCode::CredentialSourceFault, file.string() + " has no line to read", "check the mount");
        return text;
    }
    std::unique_ptr<DirectorySettings> _settings;
};

struct DirectoryFactory : BasicFactory<CredentialSource, DirectorySource, DirectorySettings> {
    const char* name() const noexcept override { return "directory"; }
};

WASMPROXY_PLUGIN("directory", "1.0.0", DirectoryFactory)
