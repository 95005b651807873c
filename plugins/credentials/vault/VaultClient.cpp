// SPDX-License-Identifier: Apache-2.0
#include "VaultClient.h"

#include "SecretText.h"
#include "VaultFault.h"

#include <Poco/NumberParser.h>

namespace wasmproxy::vault {

namespace {

constexpr std::size_t MaximumBody = 2u << 20; // Vault's own limit for a secret is about 1 MiB
constexpr int MaximumRedirects = 2;
constexpr std::chrono::seconds LongestRetryAfter{300};

/// The body without copies left behind, as readAll()'s growing string would.
Secret readBody(HttpResponse& response) {
    SecretText body;
    std::size_t size = 0;
    while (true) {
        if (size == body.text.size()) {
            if (size > MaximumBody) throw Error(ErrorCode::UpstreamInvalid, "its answer is larger than 2 MiB");
            SecretText larger{std::string(size == 0 ? 16384 : 4 * size, '\0')};
            body.text.copy(larger.text.data(), size);
            body.text.swap(larger.text);
        }
        const std::size_t count = response.read(body.text.data() + size, body.text.size() - size);
        if (count == 0) break;
        size += count;
    }
    return Secret(std::string_view(body.text).substr(0, size));
}

std::chrono::seconds retryAfter(const HttpResponse& response) {
    unsigned seconds = 0;
    if (!Poco::NumberParser::tryParseUnsigned(response.header("Retry-After"), seconds)) return {};
    return std::min(std::chrono::seconds(seconds), LongestRetryAfter);
}

/// Wipes what a request held when it goes.
struct SentRequest : HttpRequest {
    ~SentRequest() {
        Secret::wipe(body);
        for (HttpHeader& header : headers)
            Secret::wipe(header.value);
    }
};

} // namespace

VaultClient::VaultClient(HostServices& host, const VaultSettings& settings)
    : _host(host),
      _settings(settings),
      _address(HttpUrl::parse(settings.address.get(), "address")),
      _name("Vault " + _address.authority()) {
    if (!_address.secure() && !_address.isPrivateAddress() && _address.host() != "localhost")
        host.log(LogLevel::Warning, "address is http: secrets of " + _name + " travel in plain text");
}

VaultAnswer VaultClient::get(Call& call, const std::string& path, const Secret& token) {
    return send(call, "GET", path, token, {}, {});
}

VaultAnswer VaultClient::post(Call& call, const std::string& path, const Secret& token, const Secret& body,
                              const Secret& confidential) {
    return send(call, "POST", path, token, body, confidential);
}

VaultAnswer VaultClient::send(Call& call, const char* method, const std::string& path, const Secret& token,
                              const Secret& body, const Secret& confidential) {
    const std::string from = _name + " (" + method + " " + path + ")";
    call.check("asking Vault");
    SentRequest request;
    request.method = method;
    std::string base = _address.origin() + _address.target();
    while (base.back() == '/')
        base.pop_back();
    request.url = base + "/v1/" + path;
    request.headers.reserve(5);
    request.headers.push_back({"Accept", "application/json"});
    request.headers.push_back({"X-Vault-Request", "true"});
    if (!_settings.vaultNamespace.get().empty())
        request.headers.push_back({"X-Vault-Namespace", _settings.vaultNamespace.get()});
    if (!token.empty()) request.headers.push_back({"X-Vault-Token", std::string(token.reveal())});
    if (request.method == "POST") {
        request.headers.push_back({"Content-Type", "application/json"});
        request.body = std::string(body.reveal());
    }
    request.tls = tls();
    try {
        return exchange(call, request, from, {token, confidential});
    } catch (const VaultFault&) {
        throw;
    } catch (const Error& error) {
        // Our own time is over: nothing is known about Vault. Its timeout is another matter.
        if (call.expired()) throw;
        throw VaultFault(VaultFault::Reach::Server, from + ": " + error.what(), error.hint());
    }
}

VaultAnswer VaultClient::exchange(Call& call, HttpRequest& request, const std::string& from,
                                  const std::vector<Secret>& shown) {
    Call limited = call.within(_settings.timeout.get());
    for (int hops = 0;; ++hops) {
        const auto response = _host.http().send(limited, request);
        const int status = response->status();
        if (status == 307 || status == 308) {
            if (hops == MaximumRedirects)
                throw VaultFault(VaultFault::Reach::Server, from + " redirects again and again");
            request.url = followed(HttpUrl::parse(request.url, "address"), *response).str();
            continue;
        }
        VaultAnswer answer{status, readBody(*response), from, shown};
        if (answer.good() || status == 400 || status == 403 || status == 404 || status == 405) return answer;
        std::string hint;
        if (status == 503) hint = "if it is sealed, unseal it";
        if (status == 501) hint = "it is not initialised";
        VaultFault fault(VaultFault::Reach::Server, from + " answered " + answer.refusal(), hint);
        fault.withRetryAfter(retryAfter(*response));
        throw fault;
    }
}

HttpUrl VaultClient::followed(const HttpUrl& from, const HttpResponse& response) const {
    const HttpUrl to = from.resolve(response.header("Location"), "redirect of " + _name);
    const auto refuse = [&](const std::string& hint) {
        throw VaultFault(VaultFault::Reach::Server,
                         _name + " redirects to " + to.origin() + ", where the token may not go", hint);
    };
    if (_address.secure() && !to.secure()) refuse("api_addr of Vault's active node must be an https URL");
    if (to.sameOrigin(_address)) return to;
    for (const std::string& text : _settings.redirectHosts.get()) {
        const HttpUrl allowed = HttpUrl::parse(to.scheme() + "://" + text, "redirect-hosts");
        const bool ported = text.back() != ']' && text.rfind(':') != std::string::npos;
        if (allowed.host() == to.host() && to.port() == (ported ? allowed.port() : _address.port())) return to;
    }
    refuse("if that is a node of the same Vault, add " + to.authority() + " to redirect-hosts");
    return to;
}

std::shared_ptr<const HttpTls> VaultClient::tls() {
    if (_settings.caFile.get().empty()) return nullptr;
    std::string line;
    std::shared_ptr<const HttpTls> result;
    try {
        const Secret pem = readTrimmedSecretFile(_settings.caFile.get(), "ca-file");
        const std::lock_guard<std::mutex> lock(_mutex);
        _caFailed = false;
        if (!_tls || _tls->authorities != pem.reveal()) {
            auto fresh = std::make_shared<HttpTls>();
            fresh->authorities = std::string(pem.reveal());
            _tls = std::move(fresh);
        }
        return _tls;
    } catch (const Error& error) {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (!_tls) throw VaultFault(VaultFault::Reach::Server, error.what(), error.hint());
        if (!_caFailed) line = std::string(error.what()) + "; the authorities read before stay in force";
        _caFailed = true;
        result = _tls;
    }
    if (!line.empty()) _host.log(LogLevel::Warning, line);
    return result;
}

} // namespace wasmproxy::vault
