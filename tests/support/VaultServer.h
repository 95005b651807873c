// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Certificate.h"
#include "support/ScriptedServer.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// Speaks the part of Vault's documented HTTP API that reads secrets: token, AppRole and Kubernetes logins, key-value
/// engines of both versions, response wrapping, namespaces, and the ways in which it says no. Written from the
/// documentation; no Vault runs here. It starts with `secret/` (version 2) and `kv/` (version 1). Thread-safe.
class VaultServer {
public:
    using Fields = std::map<std::string, std::string>;

    struct Seen {
        std::string method;
        std::string path; ///< below /v1/
        std::string token;
        std::string vaultNamespace;
        bool marked = false; ///< X-Vault-Request: true
        std::string body;
        std::chrono::steady_clock::time_point at;
    };
    struct TokenKind {
        int lease = 3600; ///< seconds; 0: never expires
        bool renewable = true;
        std::string type = "service";
        int renewals = 1 << 30; ///< that grant the whole lease; later ones grant a tenth
    };

    explicit VaultServer(const Certificate* certificate = nullptr, const std::string& address = "127.0.0.1");
    ~VaultServer();

    int port() const noexcept { return _server->port(); }
    std::string url() const { return _server->url(""); }

    // What there is.
    void mount(const std::string& path, int version);          ///< "team/secret/"
    void write(const std::string& path, const Fields& fields); ///< "secret/registries/reg.io", without `data/`
    void remove(const std::string& path);                      ///< version 2: the last version is marked as deleted
    void lease(const std::string& path, int seconds);          ///< a version 1 secret is leased
    void appRole(const std::string& roleId, const std::string& name, const std::set<std::string>& secretIds,
                 const std::string& mount = "approle");
    void kubernetesRole(const std::string& name, const std::set<std::string>& jwts,
                        const std::string& mount = "kubernetes");
    void token(const std::string& value);                                           ///< one that is good from now on
    std::string wrap(const std::string& creationPath, const std::string& secretId); ///< gives the wrapping token
    void tokens(const TokenKind& kind);                                             ///< of the logins from now on

    // What goes wrong.
    void seal(bool sealed);
    void revokeTokens();                                               ///< all
    void deny(const std::string& path, bool denied = true);            ///< that begins with this (as the API says it)
    void hideMounts(bool hidden);                                      ///< sys/internal/ui/mounts is refused
    void fail(int status, const std::string& headers = {});            ///< everything, from now on; 0: works again
    void say(const std::string& words);                                ///< with what fail() answers
    void redirect(const std::string& origin);                          ///< as a standby does; "": no more
    void requireNamespace(const std::string& name);                    ///< there is no other
    void slow(std::chrono::milliseconds time);                         ///< before each answer
    void answerWith(const std::string& path, const std::string& body); ///< exactly this with 200; "": no more

    std::vector<Seen> seen() const;
    std::size_t count(const std::string& pathPart = {}) const; ///< requests whose path holds it
    void forget();                                             ///< what was seen

private:
    struct Reply {
        int status = 200;
        std::string body;
        std::string headers;
    };
    struct Issued {
        TokenKind kind;
        std::chrono::steady_clock::time_point until;
        int renewals = 0;
    };
    struct Stored {
        std::vector<std::pair<Fields, bool>> versions; ///< and whether it is deleted
        int lease = 0;
    };
    struct Wrapped {
        std::string creationPath;
        std::string secretId;
    };

    void serve(ScriptedServer::Connection& connection);
    Reply answer(const Seen& request);
    Reply login(const std::string& mount, const Seen& request);
    Reply wrapping(const Seen& request);
    Reply self(const std::string& what, const Seen& request);
    Reply keyValue(const Seen& request);
    Reply mounts(const std::string& path) const;
    std::string issue();
    std::string mountOf(const std::string& path) const;
    bool known(const std::string& token) const;

    mutable std::mutex _mutex;
    std::map<std::string, int> _mounts{{"secret/", 2}, {"kv/", 1}};
    std::map<std::string, Stored> _stored;
    std::map<std::string, std::map<std::string, std::pair<std::string, std::set<std::string>>>> _appRoles; ///< by mount
    std::map<std::string, std::map<std::string, std::set<std::string>>> _kubernetesRoles;                  ///< by mount
    std::map<std::string, Issued> _tokens;
    std::map<std::string, Wrapped> _wrapped;
    std::map<std::string, std::string> _fixed;
    std::set<std::string> _denied;
    TokenKind _kind;
    bool _sealed = false;
    bool _mountsHidden = false;
    int _failure = 0;
    std::string _failureHeaders;
    std::string _words = "the test wants it so";
    std::string _redirect;
    std::optional<std::string> _namespace;
    std::chrono::milliseconds _delay{0};
    int _numbers = 0;
    std::vector<Seen> _seen;
    std::unique_ptr<ScriptedServer> _server; ///< last: its threads use the rest
};

} // namespace wasmproxy::test
