// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialLink.h"

#include <map>

namespace wasmproxy::aws {

/// A profile of AWS's shared files (~/.aws/credentials, then ~/.aws/config), or of one file of that format. Only
/// profiles with an access key: what roles, programs or single sign-on would have to be asked for is an error.
class SharedFileLink : public CredentialLink {
public:
    /// `file` and `profile` as the settings have them; either may be empty.
    SharedFileLink(Environment environment, std::string file, std::string profile)
        : _environment(std::move(environment)), _file(std::move(file)), _profile(std::move(profile)) {}
    std::optional<AwsCredentials> find(Call& call, const std::string& stsHost) override;

private:
    using Section = std::map<std::string, Secret>;
    static std::optional<Section> sectionOf(const std::string& path, const std::string& name, bool config);
    static bool hasRole(const std::string& config, const std::string& profile);
    static std::string nameOf(const std::string& path, const std::string& profile);
    [[noreturn]] static void refuse(const std::string& where, const std::string& key);
    std::optional<AwsCredentials> read(const std::string& path, const std::string& profile, bool config) const;

    const Environment _environment;
    const std::string _file;
    const std::string _profile;
};

} // namespace wasmproxy::aws
