// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/RegistryBackendSuite.h"

#include "RegistryBench.h"
#include "RegistryLeakChecks.h"

namespace wasmproxy::testing {

namespace {

class RegistryBackendChecks {
public:
    RegistryBackendChecks(const MakeRegistryBackend& make, const RegistryBackendOptions& options)
        : _make(make), _options(options) {}

    std::vector<Finding> run() {
        if (!_list.check("make: an instance", [&] { bench(); })) return _list.take();
        answers();
        authentication();
        refusals();
        brokenBodies();
        checkRegistryLeaks(_list, _make, _options);
        _list.check("deadline: a silent registry ends the call", [&] { silence(); });
        _list.check("deadline: a passed one asks nothing", [&] { lateCall(); });
        _list.check("threads: " + std::to_string(_options.threads) + " at once", [&] { parallel(); });
        return _list.take();
    }

private:
    RegistryBench bench(FakeRegistry::Access access = {}) { return {_make, _options, std::move(access)}; }

    void answers() {
        _list.check("ability: an unknown id is nullptr", [&] {
            Checklist::require(bench().backend->ability("wasmproxy.no-such-ability/1") == nullptr, "nullptr");
        });
        _list.check("resolve: a tag", [&] {
            auto b = bench();
            requireManifest(b, b.resolve(b.tag(), Credential::anonymous()));
        });
        _list.check("resolve: a digest", [&] {
            auto b = bench();
            requireManifest(b, b.resolve({b.repository, "", Digest::of(b.manifest)}, Credential::anonymous()));
        });
        _list.check("resolve: an absent tag is a value", [&] {
            auto b = bench();
            Checklist::require(!b.resolve(b.tag("absent"), Credential::anonymous()), "nullopt");
        });
        _list.check("resolve: an absent digest is a value", [&] {
            auto b = bench();
            Checklist::require(!b.resolve({b.repository, "", Digest::of("absent")}, Credential::anonymous()),
                               "nullopt");
        });
        _list.check("resolve: another document under a digest is an Error", [&] {
            auto b = bench();
            const auto other = b.registry.push(_options.origin, _options.path, "", b.manifest + "\n");
            const Reference pinned(b.repository, "", Digest::of(b.manifest));
            b.registry.inject("", "/manifests/", faults::header("Docker-Content-Digest", other.str()));
            b.registry.inject("GET", "/manifests/", [](const auto&, auto& reply) { reply.body += "\n"; });
            requireInvalid([&] { b.resolve(pinned, Credential::anonymous()); });
        });
        _list.check("resolve: a web page with status 200 is an Error", [&] {
            auto b = bench();
            b.registry.inject("", "/v2/", faults::webPage());
            b.requireRefusal(ErrorCode::UpstreamInvalid, Credential::anonymous());
        });
        _list.check("fetch: a manifest", [&] {
            auto b = bench();
            Checklist::require(b.fetch(b.manifestDescriptor(), Credential::anonymous()) == b.manifest, "its bytes");
        });
        for (const bool whole : {false, true}) {
            const std::string server = whole ? " from a server without ranges" : "";
            _list.check("fetch: a blob, and from an offset on" + server, [&] {
                auto b = bench();
                if (whole) b.registry.ignoreRange();
                for (const std::size_t offset : {std::size_t(0), std::size_t(1), std::size_t(20000), b.blob.size() - 1})
                    Checklist::require(b.fetch(b.blobDescriptor(), Credential::anonymous(), offset) ==
                                           b.blob.substr(offset),
                                       "the bytes from " + std::to_string(offset) + " on");
            });
        }
        _list.check("fetch: unknown content is nullptr", [&] {
            auto b = bench();
            Descriptor unknown = b.blobDescriptor();
            unknown.digest = Digest::of("unknown");
            Checklist::require(!b.fetch(unknown, Credential::anonymous()), "nullptr");
        });
    }

    void authentication() {
        for (const auto& [name, access] :
             {std::pair<std::string, FakeRegistry::Access>("Basic", RegistryBench::basic()),
              {"Bearer", RegistryBench::bearer()}}) {
            _list.check("authentication: " + name, [&, &access = access] {
                auto b = bench(access);
                requireManifest(b, b.resolve(b.tag(), RegistryBench::credential()));
                Checklist::require(b.fetch(b.blobDescriptor(), RegistryBench::credential()) == b.blob, "the blob");
                Checklist::require(!b.registry.seen().front().authorized(),
                                   "no credential before the registry asked for one");
                b.requireNoLeak({_options.origin});
            });
            _list.check("authentication: " + name + ", a wrong password is CredentialRefused, shown once",
                        [&, &access = access] {
                            auto b = bench(access);
                            b.requireRefusal(ErrorCode::CredentialRefused,
                                             RegistryBench::credential("canary-password-wrong"));
                            Checklist::require(b.authorizedRequests() == 1,
                                               "one request that carries the wrong password, not " +
                                                   std::to_string(b.authorizedRequests()));
                        });
            _list.check("authentication: " + name + ", the anonymous credential shows nothing", [&, &access = access] {
                auto b = bench(access);
                try {
                    Checklist::require(!b.resolve(b.tag(), Credential::anonymous()), "no manifest");
                    throw Checklist::Broken("expected: an Error, it said that the tag is absent");
                } catch (const Error& error) {
                    Checklist::require(error.code() == ErrorCode::CredentialRefused ||
                                           error.code() == ErrorCode::RepositoryDenied,
                                       std::string("CredentialRefused or RepositoryDenied, not: ") + error.what());
                }
            });
        }
        _list.check("authentication: Basic, a repository's 401 to a password that /v2/ accepts is RepositoryDenied",
                    [&] {
                        auto b = bench(RegistryBench::basic());
                        b.registry.inject("", "/manifests/",
                                          faults::status(401, "", {{"WWW-Authenticate", "Basic realm=\"x\""}}));
                        b.requireRefusal(ErrorCode::RepositoryDenied, RegistryBench::credential());
                    });
        for (const auto& [name, access] :
             {std::pair<std::string, FakeRegistry::Access>("Basic", RegistryBench::basic()),
              {"Bearer", RegistryBench::bearer()}})
            _list.check("authentication: " + name + ", many at once show a wrong password once", [&, &access = access] {
                auto b = bench(access);
                inParallel(_options.threads, [&](std::size_t) {
                    b.requireRefusal(ErrorCode::CredentialRefused, RegistryBench::credential("canary-password-wrong"));
                });
                Checklist::require(b.authorizedRequests() == 1, "one request that carries the wrong password, not " +
                                                                    std::to_string(b.authorizedRequests()));
            });
        _list.check("authentication: Bearer, anonymous tokens", [&] {
            auto access = RegistryBench::bearer();
            access.anonymousPull = true;
            auto b = bench(access);
            requireManifest(b, b.resolve(b.tag(), Credential::anonymous()));
        });
        _list.check("authentication: Bearer, an expired token is replaced", [&] {
            auto b = bench(RegistryBench::bearer());
            requireManifest(b, b.resolve(b.tag(), RegistryBench::credential()));
            b.registry.expireTokens();
            requireManifest(b, b.resolve(b.tag(), RegistryBench::credential()));
        });
    }

    void refusals() {
        struct Row {
            int status;
            ErrorCode code;
        };
        for (const Row row : {Row{400, ErrorCode::UpstreamInvalid},
                              {401, ErrorCode::CredentialRefused},
                              {403, ErrorCode::RepositoryDenied},
                              {408, ErrorCode::UpstreamUnavailable},
                              {412, ErrorCode::Blocked},
                              {429, ErrorCode::TooManyRequests},
                              {500, ErrorCode::UpstreamUnavailable},
                              {502, ErrorCode::UpstreamUnavailable},
                              {503, ErrorCode::UpstreamUnavailable},
                              {504, ErrorCode::UpstreamUnavailable}}) {
            const std::string name = std::to_string(row.status) + " is " + traitsOf(row.code).name;
            _list.check("resolve: " + name, [&] {
                auto b = bench();
                b.registry.inject("", "/v2/", faults::status(row.status, "", {{"Retry-After", "7"}}));
                const Error error = b.requireRefusal(row.code, Credential::anonymous());
                Checklist::require(row.status != 429 || error.retryAfter() == std::chrono::seconds(7),
                                   "Retry-After in the Error");
            });
            _list.check("fetch: " + name, [&] {
                auto b = bench();
                b.registry.inject("", "/v2/", faults::status(row.status));
                try {
                    const auto bytes = b.fetch(b.blobDescriptor(), Credential::anonymous());
                    throw Checklist::Broken(bytes ? "expected: an Error, it gave a body"
                                                  : "expected: an Error, not absence");
                } catch (const Error& error) {
                    Checklist::require(error.code() == row.code, std::string("that code, it threw: ") + error.what());
                }
            });
        }
    }

    void brokenBodies() {
        _list.check("fetch: a cut body never ends cleanly", [&] {
            for (const std::size_t after : {0, 1, 4096, 49999}) {
                auto b = bench();
                b.registry.inject("GET", "/blobs/", faults::cutAfter(after));
                requireBroken([&] { b.fetch(b.blobDescriptor(), Credential::anonymous()); });
                b.registry.ignoreRange();
                requireBroken([&] { b.fetch(b.blobDescriptor(), Credential::anonymous(), 45000); });
            }
        });
        _list.check("resolve: a cut manifest is an Error", [&] {
            auto b = bench();
            b.registry.inject("HEAD", "/manifests/", faults::status(405));
            b.registry.inject("GET", "/manifests/", faults::cutAfter(100));
            requireBroken([&] { b.resolve(b.tag(), Credential::anonymous()); });
        });
        _list.check("fetch: another range than asked for is an Error", [&] {
            auto b = bench();
            b.registry.inject("GET", "/blobs/", faults::header("Content-Range", "bytes 0-9/50000"));
            requireInvalid([&] { b.fetch(b.blobDescriptor(), Credential::anonymous(), 20000); });
        });
    }

    void silence() {
        auto b = bench();
        b.registry.inject("", "/v2/", faults::silence());
        const auto start = Call::Clock::now();
        Call call("check", start + std::chrono::milliseconds(200));
        try {
            b.backend->resolve(call, b.tag(), Credential::anonymous());
            throw Checklist::Broken("expected: Error{DeadlineExceeded}, it answered");
        } catch (const Error& error) {
            Checklist::require(error.code() == ErrorCode::DeadlineExceeded, "DeadlineExceeded");
        }
        Checklist::require(Call::Clock::now() - start < std::chrono::seconds(5), "an end soon after the deadline");
    }

    void lateCall() {
        auto b = bench();
        Call call("check", Call::Clock::now() - std::chrono::seconds(1));
        requireCode(ErrorCode::DeadlineExceeded, [&] { b.backend->resolve(call, b.tag(), Credential::anonymous()); });
        Checklist::require(b.registry.seen().empty(), "no request");
    }

    void parallel() {
        auto b = bench(RegistryBench::bearer());
        inParallel(_options.threads, [&](std::size_t) {
            for (int round = 0; round < 3; ++round) {
                requireManifest(b, b.resolve(b.tag(), RegistryBench::credential()));
                Checklist::require(b.fetch(b.blobDescriptor(), RegistryBench::credential()) == b.blob, "the blob");
            }
        });
        b.requireNoLeak({_options.origin});
    }

    static void requireManifest(const RegistryBench& b, const std::optional<Descriptor>& found) {
        Checklist::require(found.has_value(), "a descriptor, not absence");
        Checklist::require(found->digest == Digest::of(b.manifest), "the manifest's digest");
        Checklist::require(found->mediaType == media::OciManifest, "its media type, not '" + found->mediaType + "'");
        Checklist::require(found->size == b.manifest.size(), "its size");
        Checklist::require(!found->data || *found->data == b.manifest, "its bytes, if any");
    }

    static void requireCode(ErrorCode code, const std::function<void()>& body) {
        try {
            body();
        } catch (const Error& error) {
            Checklist::require(error.code() == code, std::string("Error{") + traitsOf(code).name +
                                                         "}, it threw Error{" + traitsOf(error.code()).name +
                                                         "}: " + error.what());
            return;
        }
        throw Checklist::Broken(std::string("expected: Error{") + traitsOf(code).name + "}, it threw nothing");
    }
    static void requireInvalid(const std::function<void()>& body) { requireCode(ErrorCode::UpstreamInvalid, body); }
    static void requireBroken(const std::function<void()>& body) { requireCode(ErrorCode::UpstreamUnavailable, body); }

    const MakeRegistryBackend& _make;
    const RegistryBackendOptions& _options;
    Checklist _list;
};

} // namespace

std::vector<Finding> checkRegistryBackend(const MakeRegistryBackend& make, const RegistryBackendOptions& options) {
    return RegistryBackendChecks(make, options).run();
}

} // namespace wasmproxy::testing
