// SPDX-License-Identifier: Apache-2.0
#include "VaultSettings.h"

#include "wasmproxy/credentials/RegistryPattern.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include "PathTemplate.h"

#include <algorithm>

namespace wasmproxy::vault {

namespace {

bool isOdd(char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
}

bool isPlainPath(const std::string& text) {
    return !text.empty() && text.front() != '/' && text.back() != '/' && text.find("..") == std::string::npos &&
           text.find_first_of("?#%{}") == std::string::npos && std::none_of(text.begin(), text.end(), isOdd);
}

std::string wrongUrl(const std::string& text, const std::string& what) {
    try {
        const HttpUrl url = HttpUrl::parse(text, what);
        if (text.find_first_of("?#") != std::string::npos) return "expected a URL without query and fragment";
        return "";
    } catch (const Error& error) {
        return error.what(); // shows nothing of the URL
    }
}

} // namespace

void VaultSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    const auto report = [&](const SettingBase& setting, const std::string& message) {
        problems.push_back({setting.origin(), prefix + setting.description().key, message});
    };
    const auto complain = [&](const SettingBase& setting, const std::string& message) {
        if (!message.empty()) report(setting, message);
    };
    if (address.given()) complain(address, wrongUrl(address, "address"));
    if (path.given()) complain(path, PathTemplate::problemOf(path));
    for (const std::string& pattern : registry.get())
        if (!RegistryPattern::parse(pattern))
            report(registry, "expected host[:port][/path], such as registry.example.com: " + pattern);
    for (const std::string& host : redirectHosts.get())
        if (!wrongUrl("https://" + host, "host").empty() || host.find('/') != std::string::npos)
            report(redirectHosts, "expected host or host:port");
    if (kvVersion.get() != "auto" && kvVersion.get() != "1" && kvVersion.get() != "2")
        report(kvVersion, "expected auto, 1 or 2");
    if (usernameField.get().empty()) report(usernameField, "expected the name of a field");
    if (passwordField.get().empty()) report(passwordField, "expected the name of a field");
    if (timeout.get().count() <= 0) report(timeout, "expected more than 0");
    if (retry.get().count() <= 0) report(retry, "expected more than 0");
    if (std::any_of(vaultNamespace.get().begin(), vaultNamespace.get().end(), isOdd))
        report(vaultNamespace, "expected a namespace's path, such as platform/team");
    if (authMount.given() && !isPlainPath(authMount)) report(authMount, "expected a path such as approle");

    for (const auto* file : {&tokenFile, &roleIdFile, &secretIdFile, &jwtFile, &caFile})
        if (file->given() && (file->get().empty() || file->get().front() != '/'))
            report(*file, "expected an absolute path");
    const auto only = [&](const SettingBase& setting, const char* method) {
        if (setting.given() && auth.given() && auth.get() != method)
            report(setting, std::string("belongs to auth = ") + method);
    };
    only(tokenFile, "token");
    only(roleId, "approle");
    only(roleIdFile, "approle");
    only(secretIdFile, "approle");
    only(secretIdWrapped, "approle");
    only(jwtFile, "kubernetes");
    if (!auth.given()) return;
    if (auth.get() == "token") {
        if (!tokenFile.given()) report(tokenFile, "missing: auth = token needs the file that holds the token");
    } else if (auth.get() == "approle") {
        if (roleId.given() == roleIdFile.given()) report(roleId, "auth = approle needs either role-id or role-id-file");
        if (secretIdWrapped.get() && !secretIdFile.given())
            report(secretIdFile, "missing: secret-id-wrapped needs the file that holds the wrapping token");
    } else if (auth.get() == "kubernetes") {
        if (role.get().empty()) report(role, "missing: auth = kubernetes needs the role to log in with");
    } else {
        report(auth, "expected token, approle or kubernetes");
    }
}

} // namespace wasmproxy::vault
