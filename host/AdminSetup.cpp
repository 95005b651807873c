// SPDX-License-Identifier: Apache-2.0
#include "AdminSetup.h"

#include "admin/AdminServer.h"
#include "settings/Listener.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

AdminOptions adminOptions(const HostSettings& settings) {
    const AdminSettings& from = settings.admin;
    AdminOptions options;
    options.listen = from.listen;
    options.readTokenFile = from.readTokenFile;
    options.operateTokenFile = from.operateTokenFile;
    options.tlsCertificate = from.tlsCertificate;
    options.tlsKey = from.tlsKey;
    options.clientCa = from.clientCa;
    options.readNames = from.readNames;
    options.operateNames = from.operateNames;
    options.hosts = from.hosts;
    options.origins = from.origins;
    options.plainHttp = from.plainHttp;
    // Beside the index there is room, and nobody else writes.
    const std::string& index = settings.index.path;
    options.uploadDirectory = index.substr(0, std::max<std::size_t>(index.rfind('/') + 1, 1) - 1);
    return options;
}

void checkAdmin(const HostSettings& settings, std::vector<SettingsProblem>& problems) {
    // What single values have wrong was said.
    if (std::any_of(problems.begin(), problems.end(),
                    [](const SettingsProblem& each) { return each.key.compare(0, 6, "admin.") == 0; }))
        return;
    try {
        AdminServer::check(adminOptions(settings));
    } catch (const Error& error) {
        const std::string text = error.what();
        const std::size_t colon = text.find(": "); // "admin.tls-key: why"
        std::string key = text.substr(0, colon);
        std::string origin;
        for (const KeyValue& each : settings.admin.effective())
            if ("admin." + each.key == key) origin = each.origin;
        if (origin.empty()) origin = settings.admin.listen.origin();
        problems.push_back({origin, key,
                            (colon == std::string::npos ? text : text.substr(colon + 2)) +
                                (error.hint().empty() ? "" : "; " + error.hint())});
    }
}

} // namespace wasmproxy::host
