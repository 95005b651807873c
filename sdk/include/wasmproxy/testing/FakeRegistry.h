// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/oci/MediaType.h"
#include "wasmproxy/plugin/HttpTransport.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::testing {

/// Registries, token services and storage hosts in memory: an HttpTransport without a socket, for tests of registry
/// backends. It keeps every request that reached any host, so that a test can ask where a credential went, and can be
/// told to break the protocol in any way. An origin is `https://host[:port]`. Thread-safe.
class FakeRegistry : public HttpTransport {
public:
    /// How a registry wants to be asked.
    struct Access {
        enum class Kind { Open, Basic, Bearer };
        Kind kind = Kind::Open;
        std::string user;
        std::string password;
        std::string realm;          ///< token service's URL; empty: `<origin>/token`
        std::string service;        ///< empty: the origin's host
        std::string identityToken;  ///< accepted as refresh_token by POST; empty: POST is answered 404
        std::string registryToken;  ///< accepted as a Bearer token as it is
        bool anonymousPull = false; ///< anonymous tokens may pull
        bool likeHarbor = false;    ///< an anonymous token for a wrong password, `Basic` to who sends a bad token
        std::function<std::string(const std::string& token)> tokenReply; ///< the token response's body
    };

    /// A request as it arrived.
    struct Seen {
        std::string method;
        std::string origin;
        std::string target; ///< path and query
        std::vector<HttpHeader> headers;
        std::string body;
        std::optional<AwsSignature> signature;

        std::string header(const std::string& name) const; ///< "" where there is none
        bool authorized() const { return !header("Authorization").empty(); }
    };

    /// An answer before it is sent.
    struct Reply {
        int status = 200;
        std::vector<HttpHeader> headers;
        std::string body;
        std::size_t cutAfter = std::string::npos; ///< the connection breaks after so many bytes of the body
        bool silent = false;                      ///< nothing comes until the Call's deadline

        void set(const std::string& name, const std::string& value);
        void remove(const std::string& name);
    };
    using Change = std::function<void(const Seen&, Reply&)>;

    FakeRegistry() = default;

    /// Requests to an origin that is neither served nor put anything at fail like an unknown host.
    void serve(const std::string& origin) { serve(origin, Access()); }
    void serve(const std::string& origin, Access access);
    Digest push(const std::string& origin, const std::string& path, const std::string& tag, const std::string& manifest,
                const std::string& mediaType = media::OciManifest);
    Digest pushBlob(const std::string& origin, const std::string& path, const std::string& bytes);
    /// Plain content at that URL, whatever the query; for redirect targets and pages.
    void put(const std::string& url, const std::string& bytes);
    void expireTokens();
    void ignoreRange();

    /// Changes the answers to requests whose URL holds `urlPart` (and whose method is `method`, if not empty), the
    /// first `times` of them. A Change must not call this FakeRegistry.
    void inject(const std::string& method, const std::string& urlPart, Change change, std::size_t times = SIZE_MAX);
    void heal(); ///< ends all changes

    std::vector<Seen> seen() const;
    std::vector<Seen> seenAt(const std::string& origin) const;
    std::size_t count(const std::string& method, const std::string& urlPart) const;
    void forgetSeen();
    /// Requests that carried one of `canaries`, plain, percent-encoded or in base64, or any `Authorization`, to an
    /// origin that is not `allowed`; one line each, without the canary.
    std::vector<std::string> leaks(const std::vector<std::string>& canaries,
                                   const std::set<std::string>& allowed) const;

    std::unique_ptr<HttpResponse> send(Call& call, const HttpRequest& request) override;

private:
    struct Content {
        std::string bytes;
        std::string mediaType;
        Digest digest;
    };
    struct Registry {
        Access access;
        std::map<std::string, std::map<std::string, Content>> manifests; ///< by path, then by tag and digest
        std::map<std::string, std::map<std::string, Content>> blobs;
    };
    struct Grant {
        std::string origin;
        std::set<std::string> scopes;
        bool mayPull = false;
    };
    struct Injected {
        std::string method;
        std::string urlPart;
        Change change;
        std::size_t times;
    };

    Reply answer(const Seen& request);
    Reply answerRegistry(const Seen& request, const std::string& origin, Registry& registry);
    Reply answerToken(const Seen& request, const std::string& origin, const Registry& registry);
    Reply refuse(const Seen& request, const std::string& path, const Registry& registry,
                 const std::string& error) const;
    bool admits(const Seen& request, const std::string& path, const std::string& origin, const Registry& registry,
                std::string& error) const;
    Reply content(const Seen& request, const Content& content) const;

    mutable std::mutex _mutex;
    std::condition_variable _silence; ///< never signalled: silent answers wait on it for their deadline
    std::map<std::string, Registry> _registries;
    std::map<std::string, std::string> _pages;
    std::map<std::string, Grant> _tokens;
    std::vector<Injected> _injected;
    std::vector<Seen> _seen;
    std::uint64_t _nextToken = 1;
    bool _ignoreRange = false;
};

/// Usual ways to break the protocol, for FakeRegistry::inject.
namespace faults {

FakeRegistry::Change status(int status, std::string body = {}, std::vector<HttpHeader> headers = {});
FakeRegistry::Change cutAfter(std::size_t bytes);
FakeRegistry::Change webPage(); ///< 200 with HTML
FakeRegistry::Change header(std::string name, std::string value);
FakeRegistry::Change withoutHeader(std::string name);
FakeRegistry::Change redirect(int status, std::string location);
FakeRegistry::Change silence();

} // namespace faults

} // namespace wasmproxy::testing
