// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include "Checklist.h"
#include "CredentialChangeChecks.h"

#include <mutex>
#include <utility>

namespace wasmproxy::testing {

namespace {

/// Below this, a secret's bytes turn up in other text by chance.
constexpr std::size_t ShortestTelling = 4;

/// The host as the source sees it, with an ear on the log.
class ListeningHost : public HostServices {
public:
    explicit ListeningHost(HostServices& host) : _host(host) {}

    HttpTransport& http() override { return _host.http(); }
    std::chrono::system_clock::time_point now() const override { return _host.now(); }
    void log(LogLevel level, const std::string& line) noexcept override {
        _host.log(level, line);
        const std::lock_guard<std::mutex> guard(_mutex);
        _lines += line + "\n";
    }
    std::string lines() const {
        const std::lock_guard<std::mutex> guard(_mutex);
        return _lines;
    }

private:
    HostServices& _host;
    mutable std::mutex _mutex;
    std::string _lines;
};

class CredentialSourceChecks {
public:
    CredentialSourceChecks(const MakeCredentialSource& make, HostServices& host, const CredentialSourceOptions& options)
        : _make(make),
          _host(host),
          _options(options),
          _list([this](std::string text) { return redact(std::move(text)); }) {}

    std::vector<Finding> run() {
        if (!_list.check("make: an instance", [&] { _source = made(); })) return _list.take();
        const bool works = _list.check("find: a repository it has a credential for", [&] { present(); });
        _list.check("find: absence is an empty answer", [&] {
            Checklist::require(find(_options.absent).empty(), "no credential for " + _options.absent.str());
        });
        _list.check("find: an unknown Secret's name gives no credential", [&] { unknownSecret(); });
        _list.check("find: a passed deadline is an Error or an answer", [&] { lateCall(); });
        _list.check("ability: an unknown id is nullptr",
                    [&] { Checklist::require(_source->ability("wasmproxy.no-such-ability/1") == nullptr, "nullptr"); });
        if (works) {
            _list.check("find: the same answer again", [&] { requireSame(find(_options.present), "the second time"); });
            _list.check("find: a second instance gives the same", [&] {
                const auto first = std::exchange(_source, made());
                requireSame(find(_options.present), "from the second instance");
            });
            _list.check("find: the same on " + std::to_string(_options.threads) + " threads", [&] { parallel(); });
            CredentialChangeChecks(_make, _host, _options, _credentials.front().fingerprint(), _list).run(*_source);
            _list.check("secret: not in name, fingerprint or log", [&] { secrecy(); });
        }
        return _list.take();
    }

private:
    std::unique_ptr<CredentialSource> made() {
        auto source = _make(_host);
        Checklist::require(source != nullptr, "an instance, it made nullptr");
        return source;
    }

    std::vector<Credential> find(const Repository& repository, const std::string& secretName = {}) {
        Call call("conformance", Call::Clock::now() + _options.deadline);
        return _source->find(call, CredentialQuery{repository, secretName});
    }

    void present() {
        _credentials = find(_options.present);
        Checklist::require(!_credentials.empty(), "a credential for " + _options.present.str());
        for (const Credential& credential : _credentials) {
            Checklist::require(!credential.name.empty(), "a name by which the operator knows the credential");
            const bool anonymous = credential.kind == Credential::Kind::Anonymous;
            Checklist::require(credential.secret.empty() == anonymous,
                               "a secret in every credential but an anonymous one: " + credential.name);
        }
        if (_options.expectedUsername)
            Checklist::require(_credentials.front().username == *_options.expectedUsername,
                               "the user name \"" + *_options.expectedUsername + "\", not \"" +
                                   _credentials.front().username + "\"");
    }

    void unknownSecret() {
        std::vector<Credential> found;
        try {
            found = find(_options.present, "wasm-proxy-conformance-no-such-secret");
        } catch (const Error& error) {
            requireSecretFree(std::string(error.what()) + error.hint(), "the error's text");
        }
        Checklist::require(found.empty(), "no credential of another Secret than the one asked for");
    }

    void lateCall() {
        Call call("conformance-late", Call::Clock::now() - std::chrono::seconds(1));
        try {
            _source->find(call, CredentialQuery{_options.present, {}});
        } catch (const Error& error) {
            requireSecretFree(std::string(error.what()) + error.hint(), "the error's text");
        }
    }

    void parallel() {
        inParallel(_options.threads, [&](std::size_t) {
            for (int i = 0; i < 8; ++i) {
                requireSame(find(_options.present), "on every thread");
                Checklist::require(find(_options.absent).empty(), "no credential for " + _options.absent.str());
            }
        });
    }

    void secrecy() {
        const std::string log = _host.lines();
        for (const Credential& credential : _credentials) {
            requireSecretFree(credential.name, "a credential's name");
            requireSecretFree(credential.fingerprint(), "a fingerprint");
        }
        requireSecretFree(log, "the log");
    }

    void requireSame(const std::vector<Credential>& found, const std::string& when) const {
        Checklist::require(found.size() == _credentials.size(), std::to_string(_credentials.size()) +
                                                                    " credentials, found " +
                                                                    std::to_string(found.size()) + " " + when);
        for (std::size_t i = 0; i < found.size(); ++i)
            Checklist::require(found[i].name == _credentials[i].name &&
                                   found[i].fingerprint() == _credentials[i].fingerprint(),
                               "the same credentials in the same order " + when);
    }

    void requireSecretFree(const std::string& text, const std::string& what) const {
        Checklist::require(redact(text) == text, "no secret in " + what);
    }

    std::string redact(std::string text) const {
        for (std::size_t at = text.find(CredentialChangeChecks::Rotated); at != std::string::npos;
             at = text.find(CredentialChangeChecks::Rotated, at))
            text.replace(at, std::string_view(CredentialChangeChecks::Rotated).size(), "<redacted>");
        for (const Credential& credential : _credentials) {
            const std::string_view secret = credential.secret.reveal();
            if (secret.size() < ShortestTelling) continue;
            for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 10))
                text.replace(at, secret.size(), "<redacted>");
        }
        return text;
    }

    const MakeCredentialSource& _make;
    ListeningHost _host;
    const CredentialSourceOptions& _options;
    Checklist _list;
    std::unique_ptr<CredentialSource> _source;
    std::vector<Credential> _credentials;
};

} // namespace

std::vector<Finding> checkCredentialSource(const MakeCredentialSource& make, HostServices& host,
                                           const CredentialSourceOptions& options) {
    return CredentialSourceChecks(make, host, options).run();
}

} // namespace wasmproxy::testing
