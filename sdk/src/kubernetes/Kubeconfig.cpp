// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/ClusterConfig.h"

#include "FileText.h"
#include "wasmproxy/kubernetes/ApiResource.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include "Base64Text.h"

#include <yaml-cpp/yaml.h>

namespace wasmproxy::kubernetes {
namespace {

/// A kubeconfig, read field by field; errors name file and field.
class Reader {
public:
    explicit Reader(std::string path) : _path(std::move(path)) {}

    ClusterConfig read() {
        const Secret text = readFileText(_path, "kubeconfig", ErrorCode::SettingsInvalid);
        const WipedText copy{std::string(text.reveal())};
        try {
            return fromDocument(YAML::Load(copy.text));
        } catch (const YAML::Exception& error) {
            // Its message may quote the file.
            fail("line " + std::to_string(error.mark.line + 1), "is not YAML as a kubeconfig has it");
        }
    }

private:
    ClusterConfig fromDocument(const YAML::Node& root) {
        if (!root.IsMap()) fail("the document", "is not a kubeconfig (an object with current-context)");
        const std::string current = required(root, "current-context");
        const YAML::Node context = named(root, "contexts", current, "context");
        const std::string contextField = "contexts[" + current + "].context";
        const std::string clusterName = required(context, "cluster", contextField);
        ClusterConfig result;
        result.nameSpace = optional(context, "namespace", contextField);
        if (!result.nameSpace.empty() && !isNamespaceName(result.nameSpace))
            fail(contextField + ".namespace", "is not a namespace's name");
        readCluster(named(root, "clusters", clusterName, "cluster"), "clusters[" + clusterName + "].cluster", result);
        const std::string user = optional(context, "user", contextField);
        if (!user.empty()) readUser(named(root, "users", user, "user"), "users[" + user + "].user", result);
        return result;
    }

    void readCluster(const YAML::Node& node, const std::string& field, ClusterConfig& result) {
        for (const char* refused : {"tls-server-name", "proxy-url"})
            if (given(node, refused)) fail(field + "." + refused, "is not supported");
        if (given(node, "insecure-skip-tls-verify") && optional(node, "insecure-skip-tls-verify", field) != "false")
            fail(field + ".insecure-skip-tls-verify",
                 "is refused: a server that is not verified would be given the token; set certificate-authority");
        result.server = required(node, "server", field);
        while (!result.server.empty() && result.server.back() == '/')
            result.server.pop_back();
        checkServer(result.server, field + ".server");
        result.authorities = source(node, "certificate-authority", field);
    }

    void readUser(const YAML::Node& node, const std::string& field, ClusterConfig& result) {
        for (const char* refused :
             {"exec", "auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"})
            if (given(node, refused))
                fail(field + "." + refused, "is not supported; use token, tokenFile or a client certificate");
        result.certificate = source(node, "client-certificate", field);
        result.key = source(node, "client-key", field);
        if (result.certificate.empty() != result.key.empty())
            fail(field + (result.key.empty() ? ".client-key" : ".client-certificate"),
                 "is missing: client-certificate and client-key belong together");
        result.token.path = absolute(optional(node, "tokenFile", field)); // it wins, as in Kubernetes' own clients
        if (result.token.path.empty()) result.token.text = Secret(optional(node, "token", field));
    }

    /// `key` names a file, or `key`-data holds base64, which wins.
    TextSource source(const YAML::Node& node, const std::string& key, const std::string& field) {
        TextSource result;
        std::string data = optional(node, key + "-data", field);
        if (!data.empty()) {
            auto text = secretFromBase64(data);
            Secret::wipe(data);
            if (!text || text->empty()) fail(field + "." + key + "-data", "is not base64");
            result.text = std::move(*text);
        } else {
            result.path = absolute(optional(node, key, field));
        }
        return result;
    }

    void checkServer(const std::string& server, const std::string& field) {
        try {
            const HttpUrl url = HttpUrl::parse(server, field);
            if (url.target().find('?') != std::string::npos) fail(field, "has a query");
            const bool loopback = url.host() == "localhost" || url.host() == "::1" ||
                                  (url.isAddress() && url.host().compare(0, 4, "127.") == 0);
            if (!url.secure() && !loopback)
                fail(field, "must be https: over " + url.shown() + " everybody on the way could read the Secrets");
        } catch (const Error& error) {
            if (error.code() == ErrorCode::SettingsInvalid) throw;
            fail(field, "is not a URL such as https://10.0.0.1:6443");
        }
    }

    YAML::Node named(const YAML::Node& root, const char* list, const std::string& name, const char* part) {
        const YAML::Node entries = root[list];
        if (entries && entries.IsSequence())
            for (const YAML::Node& entry : entries)
                if (entry.IsMap() && entry["name"] && entry["name"].IsScalar() && entry["name"].Scalar() == name) {
                    const YAML::Node found = entry[part];
                    if (!found || !found.IsMap())
                        fail(std::string(list) + "[" + name + "]." + part, "is not an object");
                    return found;
                }
        fail(list, std::string("have no entry named \"") + name + "\"");
    }

    static bool given(const YAML::Node& node, const char* key) {
        const YAML::Node found = node[key];
        return found && !found.IsNull();
    }

    std::string optional(const YAML::Node& node, const std::string& key, const std::string& field) {
        const YAML::Node found = node[key];
        if (!found || found.IsNull()) return {};
        if (!found.IsScalar()) fail(field.empty() ? key : field + "." + key, "is not text");
        return found.Scalar();
    }

    std::string required(const YAML::Node& node, const std::string& key, const std::string& field = {}) {
        std::string value = optional(node, key, field);
        if (value.empty()) fail(field.empty() ? key : field + "." + key, "is missing");
        return value;
    }

    /// Relative paths are so to the file's folder.
    std::string absolute(const std::string& path) const {
        if (path.empty() || path.front() == '/') return path;
        const auto slash = _path.rfind('/');
        return (slash == std::string::npos ? "" : _path.substr(0, slash + 1)) + path;
    }

    [[noreturn]] void fail(const std::string& field, const std::string& why) const {
        throw Error(ErrorCode::SettingsInvalid, "kubeconfig " + _path + ": " + field + " " + why);
    }

    const std::string _path;
};

} // namespace

ClusterConfig ClusterConfig::fromKubeconfig(const std::string& path) {
    return Reader(path).read();
}

} // namespace wasmproxy::kubernetes
