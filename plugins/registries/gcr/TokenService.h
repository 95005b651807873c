// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/plugin/HostServices.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wasmproxy::gcr {

/// One question to a service that hands out tokens. Whatever fails is an Error{CredentialSourceFault} that names
/// `what`, except a passed deadline. A redirect is a failure: it leads to nobody we know. No error holds a secret.
class TokenService {
public:
    /// `what`: "token service oauth2.googleapis.com".
    TokenService(HostServices& host, Call& call, std::string what) : _host(host), _call(call), _what(std::move(what)) {}

    /// The answer, whatever its status. `request` is wiped.
    std::unique_ptr<HttpResponse> send(HttpRequest& request, std::size_t secretHeader = NoHeader);
    std::unique_ptr<HttpResponse> postForm(const std::string& url,
                                           const std::vector<std::pair<std::string, std::string_view>>& fields);

    /// The body of a 200. `secrets` are kept out of errors, `hint` says what to do about a refusal.
    Secret body(HttpResponse& response, const std::vector<std::string_view>& secrets, const std::string& hint);
    /// `access_token` and `expires_in` of a 200.
    Token token(HttpResponse& response, const std::vector<std::string_view>& secrets, const std::string& hint);
    StrictJson parse(const Secret& body) const;
    /// A token as it will stand in a header. `left`: how long it lives.
    Token made(const std::string& value, std::chrono::seconds left) const;

    [[noreturn]] void fail(const std::string& why, const std::string& hint = {}) const;

    static constexpr std::size_t NoHeader = std::string::npos;

private:
    HostServices& _host;
    Call& _call;
    std::string _what;
};

} // namespace wasmproxy::gcr
