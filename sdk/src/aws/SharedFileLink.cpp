// SPDX-License-Identifier: Apache-2.0
#include "SharedFileLink.h"

#include "wasmproxy/aws/SmallFile.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::aws {
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
    const std::string where = nameOf(path, profile);
    const Secret& id = (*section)["aws_access_key_id"];
    const Secret& key = (*section)["aws_secret_access_key"];
    if (id.empty() != key.empty())
        throw Error(ErrorCode::CredentialSourceFault,
                    where + " has only one of aws_access_key_id and aws_secret_access_key");
    // A key beside a role is whom the role is assumed by: to use it as it is would be to be somebody else.
    if (section->count("role_arn") != 0) refuse(where, "role_arn");
    if (!id.empty()) return AwsCredentials{std::string(id.reveal()), key, (*section)["aws_session_token"], where};
    for (const char* other : {"credential_process", "sso_session", "sso_start_url", "login_session"})
        if (section->count(other) != 0) refuse(where, other);
    return {};
}

bool SharedFileLink::hasRole(const std::string& config, const std::string& profile) {
    try {
        const auto section = sectionOf(config, profile, true);
        return section && section->count("role_arn") != 0;
    } catch (const Error&) {
        return false; // /dev/null, say: what is needed is there without it
    }
}

std::string SharedFileLink::nameOf(const std::string& path, const std::string& profile) {
    return "profile '" + profile + "' of " + path;
}

void SharedFileLink::refuse(const std::string& where, const std::string& key) {
    const bool role = key == "role_arn";
    throw Error(ErrorCode::CredentialSourceFault, where + " uses " + key + ", which is not supported",
                role ? "use a profile with an access key, or let the role be assumed outside: AWS_ROLE_ARN with "
                       "AWS_WEB_IDENTITY_TOKEN_FILE, Pod Identity, or the role of task or instance"
                     : "use a profile with an access key, or a role by web identity, Pod Identity, task or instance");
}

std::optional<AwsCredentials> SharedFileLink::find(Call&, const std::string&) {
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
            if (auto found = read(credentials, profile, false)) {
                // To AWS both files are one: the other may say which role this key is for.
                if (!config.empty() && hasRole(config, profile)) refuse(nameOf(config, profile), "role_arn");
                return found;
            }
        if (!config.empty())
            if (auto found = read(config, profile, true)) return found;
        tried = credentials + " and " + config;
    }
    if (!chosen) return {};
    throw Error(ErrorCode::CredentialSourceFault, "there is no access key of profile '" + profile + "' in " + tried);
}

} // namespace wasmproxy::aws
