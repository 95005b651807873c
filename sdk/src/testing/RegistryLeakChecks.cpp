// SPDX-License-Identifier: Apache-2.0
#include "RegistryLeakChecks.h"

#include "RegistryBench.h"

namespace wasmproxy::testing {

namespace {

struct Place {
    const char* name;
    std::string origin;
    bool readable = true; ///< following the redirect is allowed
};

struct Origin {
    explicit Origin(const std::string& text)
        : scheme(text.substr(0, text.find("://"))), rest(text.substr(text.find("://") + 3)) {}
    std::string host() const { return rest.substr(0, rest.rfind(':')); }
    std::string scheme;
    std::string rest;
};

std::vector<Place> placesAround(const std::string& origin) {
    const Origin own(origin);
    std::vector<Place> places = {
        {"another host", "https://storage.example.net"},
        {"another port", own.scheme + "://" + own.host() + ":8443"},
        {"a subdomain", own.scheme + "://blobs." + own.rest},
        {"a host that only begins alike", own.scheme + "://" + own.host() + ".evil.example.net"}};
    if (own.scheme == "https") places.push_back({"plain http", "http://" + own.rest, false});
    return places;
}

std::vector<std::pair<std::string, std::string>> evilRealms(const std::string& origin) {
    const Origin own(origin);
    std::vector<std::pair<std::string, std::string>> realms = {
        {"another host", "https://evil.example.net/token"},
        {"a host that only begins alike", "https://" + own.host() + ".evil.example.net/token"},
        {"an address", "https://203.0.113.7/token"},
        {"a private address", "https://10.1.2.3/token"},
        {"the metadata address", own.scheme + "://169.254.169.254/token"},
        {"loopback", "https://[::1]:5000/token"},
        {"a number for an address", "https://0x7f000001/token"},
        {"user info", own.scheme + "://" + own.rest + "@evil.example.net/token"},
        {"user info at its own host", own.scheme + "://a:b@" + own.rest + "/token"},
        {"a backslash", own.scheme + "://evil.example.net\\\\@" + own.rest + "/token"},
        {"a path for a URL", "/token"},
        {"another scheme", "ftp://" + own.rest + "/token"}};
    if (own.scheme == "https") realms.emplace_back("plain http", "http://" + own.rest + "/token");
    return realms;
}

} // namespace

void checkRegistryLeaks(Checklist& list, const MakeRegistryBackend& make, const RegistryBackendOptions& options) {
    for (const int status : {301, 302, 303, 307, 308}) {
        for (const auto& place : placesAround(options.origin)) {
            list.check("leaks: a " + std::to_string(status) + " to " + place.name + " carries no credential", [&] {
                for (const auto& access : {RegistryBench::basic(), RegistryBench::bearer()}) {
                    RegistryBench b(make, options, access);
                    b.resolve(b.tag(), RegistryBench::credential()); // so that the next request goes out authorised
                    b.registry.put(place.origin + "/content", b.blob);
                    b.registry.inject("", "/blobs/",
                                      faults::redirect(status, place.origin + "/content?X-Amz-Signature=s"));
                    try {
                        const auto bytes = b.fetch(b.blobDescriptor(), RegistryBench::credential());
                        Checklist::require(place.readable, "an Error: https must not lead to plain http");
                        Checklist::require(bytes == b.blob, "the blob from behind the redirect");
                    } catch (const Error& error) {
                        Checklist::require(!place.readable, std::string("the blob, it threw: ") + error.what());
                        Checklist::require(b.registry.seenAt(place.origin).empty(), "no request over plain http");
                    }
                    b.requireNoLeak({options.origin});
                }
            });
        }
    }
    list.check("leaks: a 401 behind a redirect is not answered with the credential", [&] {
        RegistryBench b(make, options, RegistryBench::bearer());
        b.registry.inject("", "/manifests/", faults::redirect(307, "https://evil.example.net/v2/x/manifests/v1"));
        b.registry.put("https://evil.example.net/v2/x/manifests/v1", "x");
        b.registry.inject("", "evil.example.net",
                          faults::status(401, "", {{"WWW-Authenticate", R"(Basic realm="x")"}}));
        try {
            b.resolve(b.tag(), RegistryBench::credential());
            throw Checklist::Broken("expected: an Error");
        } catch (const Error& error) {
            Checklist::require(error.code() != ErrorCode::CredentialRefused, "another code: nobody saw the credential");
        }
        Checklist::require(b.authorizedRequests() == 0, "nothing shown to the registry either: it did not ask");
        b.requireNoLeak({});
    });
    for (const auto& realm : evilRealms(options.origin)) {
        list.check("leaks: a realm at " + realm.first + " is refused", [&] {
            RegistryBench b(make, options, RegistryBench::bearer());
            const std::string service = Origin(options.origin).rest;
            b.registry.inject("", options.origin + "/v2/",
                              faults::status(401, "",
                                             {{"WWW-Authenticate",
                                               "Bearer realm=\"" + realm.second + "\",service=\"" + service + "\""}}));
            b.requireRefusal(ErrorCode::UpstreamInvalid, RegistryBench::credential());
            Checklist::require(b.authorizedRequests() == 0, "no request that carries the credential");
            b.requireNoLeak({});
        });
    }
    list.check("leaks: a token service's redirect to another host is not followed with the credential", [&] {
        for (const int status : {301, 302, 303, 307, 308}) {
            RegistryBench b(make, options, RegistryBench::bearer());
            b.registry.put("https://evil.example.net/token", R"({"token":"x"})");
            b.registry.inject("", options.origin + "/token",
                              faults::redirect(status, "https://evil.example.net/token"));
            try {
                b.resolve(b.tag(), RegistryBench::credential());
            } catch (const Error&) {
                // How it ends is the backend's business here.
            }
            b.requireNoLeak({options.origin});
        }
    });
    list.check("leaks: what a registry echoes of the credential is not shown", [&] {
        for (const auto& access : {RegistryBench::basic(), RegistryBench::bearer()}) {
            RegistryBench b(make, options, access);
            b.registry.inject("", "/v2/", [](const auto& seen, auto& reply) {
                if (!seen.authorized()) return;
                reply.status = 403;
                reply.body = R"({"errors":[{"code":"DENIED","message":"you sent )" + seen.header("Authorization") +
                             " which is " + RegistryBench::Password + R"("}]})";
            });
            b.requireRefusal(ErrorCode::RepositoryDenied, RegistryBench::credential());
            b.requireNoLeak({options.origin});
        }
    });
}

} // namespace wasmproxy::testing
