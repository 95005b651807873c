// SPDX-License-Identifier: Apache-2.0
#include "SharedFileLink.h"

#include "SmallFile.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::ecr {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

} // namespace

/// Lines `[section]` and `key = value`; `#` and `;` begin comments, indented lines belong to the key before.
std::optional<SharedFileLink::Section> SharedFileLink::sectionOf(const std::string& path, const std::string& name,
                                                                 bool config) {
    const auto content = readSmallFile(path, "AWS credentials file");
    if (!content) return {};
    // The config file says `[profile team]`, except for the default one.
    const std::string wanted = config && name != "default" ? "profile " + name : name;
    std::optional<Section> found;
    bool inside = false;
    std::string_view rest = content->reveal();
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const std::string_view text = trimmed(line);
        if (text.empty() || text.front() == '#' || text.front() == ';') continue;
        if (text.front() == '[') {
            inside = trimmed(text.substr(1, text.find(']') - 1)) == wanted;
            if (inside && !found) found.emplace();
            continue;
        }
        const auto equals = text.find('=');
        if (!inside || equals == std::string_view::npos || line.front() == ' ' || line.front() == '\t') continue;
        (*found)[std::string(trimmed(text.substr(0, equals)))] = Secret(trimmed(text.substr(equals + 1)));
    }
    return found;
}

std::optional<AwsCredentials> SharedFileLink::read(const std::string& path, const std::string& profile,
                                                   bool config) const {
    auto section = sectionOf(path, profile, config);
    if (!section) return {};
    const std::string where = "profile '" + profile + "' of " + path;
    const Secret& id = (*section)["aws_access_key_id"];
    const Secret& key = (*section)["aws_secret_access_key"];
    if (id.empty() != key.empty())
        throw Error(ErrorCode::CredentialSourceFault,
                    where + " has only one of aws_access_key_id and aws_secret_access_key");
    if (!id.empty()) return AwsCredentials{std::string(id.reveal()), key, (*section)["aws_session_token"], where};
    for (const char* other : {"role_arn", "credential_process", "sso_session", "sso_start_url"})
        if (section->count(other) != 0)
            throw Error(ErrorCode::CredentialSourceFault, where + " uses " + other + ", which is not supported",
                        "use a profile with an access key, or a role by web identity, Pod Identity or instance");
    return {};
}

std::optional<AwsCredentials> SharedFileLink::find(Call&, const EcrHost&) {
    std::string profile = _profile.empty() ? _environment("AWS_PROFILE") : _profile;
    const bool chosen = !profile.empty() || !_file.empty();
    if (profile.empty()) profile = "default";
    std::string tried = _file;
    if (!_file.empty()) {
        if (auto found = read(_file, profile, false)) return found;
    } else {
        const std::string home = _environment("HOME");
        const auto pathOf = [&](const char* variable, const char* name) {
            const std::string path = _environment(variable);
            return !path.empty() || home.empty() ? path : home + "/.aws/" + name;
        };
        const std::string credentials = pathOf("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        const std::string config = pathOf("AWS_CONFIG_FILE", "config");
        if (!credentials.empty())
            if (auto found = read(credentials, profile, false)) return found;
        if (!config.empty())
            if (auto found = read(config, profile, true)) return found;
        tried = credentials + " and " + config;
    }
    if (!chosen) return {};
    throw Error(ErrorCode::CredentialSourceFault, "there is no access key of profile '" + profile + "' in " + tried);
}

} // namespace wasmproxy::ecr
