// SPDX-License-Identifier: Apache-2.0
#include "IncludeRules.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

namespace wasmproxy::test {
namespace {

using Names = std::set<std::string>;

/// oci <- plugin <- distribution, plugin <- credentials <- kubernetes, plugin <- aws, plugin <- testing. The tools are
/// programs over the whole SDK.
const std::map<std::string, Names> SdkLayers{
    {"oci", {}},
    {"plugin", {"oci"}},
    {"distribution", {"oci", "plugin"}},
    {"credentials", {"oci", "plugin"}},
    {"aws", {"oci", "plugin"}},
    {"kubernetes", {"oci", "plugin", "credentials"}},
    {"testing", {"oci", "plugin"}},
    {"tools", {"oci", "plugin", "distribution", "testing"}},
    {"examples", {"oci", "plugin", "distribution", "credentials", "aws", "kubernetes"}},
};

/// Which rooms of the host a room includes; as host/CMakeLists.txt links them. What lies in host/ itself composes
/// the rooms and may include them all.
const std::map<std::string, Names> HostRooms{
    {"observe", {}},
    {"settings", {}},
    {"net", {"observe"}},
    {"loading", {"observe"}},
    {"wasm", {}},
    {"guard", {"observe"}},
    {"routing", {"freshness"}},
    {"keychain", {"observe"}},
    {"index", {"observe"}},
    {"extensions", {"observe"}},
    {"freshness", {}},
    {"pull", {"freshness", "extensions", "routing", "keychain", "index", "wasm", "observe"}},
    {"eviction", {"pull", "index", "observe"}},
    {"dataplane", {"pull", "observe"}},
    {"admin",
     {"freshness", "extensions", "pull", "eviction", "routing", "keychain", "wasm", "loading", "index", "observe"}},
};

/// Libraries that are known to few places only: the beginning of a header's name, and a place that may include it.
const std::vector<std::pair<std::string, std::string>> Confined{
    {"boost/", "host/dataplane/"},
    {"curl/", "host/net/"},
    {"archive", "host/wasm/"},
    {"prometheus/", "host/observe/"},
    {"Poco/Data/", "host/index/"},
    {"sqlite3", "host/index/"},
    {"Poco/Net/", "host/admin/"},
    {"Poco/SAX/", "host/settings/"},
    {"libpsl", "sdk/src/distribution/"},
    {"yaml-cpp/", "host/extensions/"},
    {"yaml-cpp/", "sdk/src/kubernetes/"},
    {"yaml-cpp/", "plugins/credentials/file/"},
    {"hiredis/", "plugins/caches/redis/"},
};

/// Beside the standard library's, what plugins include of others.
const std::vector<std::string> PluginsMayUse{"Poco/", "openssl/", "sys/", "linux/", "netinet/", "arpa/"};
const Names SystemHeaders{"dirent.h", "endian.h", "fcntl.h", "netdb.h", "poll.h", "spawn.h", "unistd.h"};

bool beginsWith(const std::string& text, const std::string& start) {
    return text.compare(0, start.size(), start) == 0;
}

std::string directoryOf(const std::string& path) {
    return std::filesystem::path(path).parent_path().generic_string();
}

/// The room of a path: what follows `root` up to the next slash; empty: it lies in `root` itself.
std::string roomOf(const std::string& path, const std::string& root) {
    const auto end = path.find('/', root.size());
    return end == std::string::npos ? "" : path.substr(root.size(), end - root.size());
}

std::string layerOf(const std::string& path) {
    for (const std::string root : {"sdk/include/wasmproxy/", "sdk/src/", "sdk/"})
        if (beginsWith(path, root)) return roomOf(path, root);
    return {};
}

std::string among(const std::map<std::string, Names>& table, const std::string& from, const std::string& to,
                  const std::string& what) {
    const auto row = table.find(from);
    if (row == table.end()) return "the " + what + " \"" + from + "\" is in no table of tests/architecture";
    if (from == to || row->second.count(to)) return {};
    return "the " + what + " " + from + " must not know " + (to.empty() ? "what composes the rooms" : to);
}

std::string aboutOthers(const std::string& file, const std::string& name) {
    std::string places;
    for (const auto& [start, place] : Confined) {
        if (!beginsWith(name, start)) continue;
        if (beginsWith(file, "sdk/include/")) return "no SDK header may need it";
        if (beginsWith(file, place)) return {};
        places += (places.empty() ? "" : " and ") + place;
    }
    if (!places.empty()) return "only " + places + " may include it";
    if (!beginsWith(file, "plugins/")) return {};
    const bool standard = name.find_first_of("/.") == std::string::npos;
    const bool allowed = std::any_of(PluginsMayUse.begin(), PluginsMayUse.end(),
                                     [&](const auto& start) { return beginsWith(name, start); });
    return standard || allowed || SystemHeaders.count(name) ? "" : "plugins use the SDK, Poco, OpenSSL and the system";
}

} // namespace

std::string objection(const std::string& file, const std::string& header) {
    if (header.empty()) return "there is no such file in the tree";
    if (header.front() == '<') return aboutOthers(file, header.substr(1, header.size() - 2));
    if (beginsWith(file, "sdk/")) {
        if (!beginsWith(header, "sdk/")) return "the SDK knows nothing but itself";
        return among(SdkLayers, layerOf(file), layerOf(header), "layer");
    }
    const bool publicHeader = beginsWith(header, "sdk/include/");
    if (beginsWith(header, "sdk/") && !publicHeader) return "what is in sdk/src is the SDK's own";
    if (beginsWith(file, "plugins/"))
        return publicHeader || directoryOf(file) == directoryOf(header) ? ""
                                                                        : "a plugin sees the SDK and its own folder";
    if (publicHeader) {
        const auto layer = layerOf(header);
        // The catalog of Extensions follows objects as the credential source does.
        if (layer == "kubernetes" && (beginsWith(file, "host/extensions/") || directoryOf(file) == "host")) return {};
        return layer == "oci" || layer == "plugin" ? "" : "the host knows only the SDK's values and seams";
    }
    if (!beginsWith(header, "host/")) return "the host includes its own headers and the SDK's";
    const auto room = roomOf(file, "host/");
    return room.empty() ? "" : among(HostRooms, room, roomOf(header, "host/"), "room");
}

} // namespace wasmproxy::test
