// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminAccess.h"

#include "admin/RequestRules.h"
#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/String.h>
#include <algorithm>

namespace wasmproxy::host {

namespace {

std::unique_ptr<TokenFile> tokens(const char* key, const std::string& path, const char* name) {
    return path.empty() ? nullptr : std::make_unique<TokenFile>(key, path, name);
}

/// The first of `names` that is one of `allowed`. Literally: no wildcards, no case.
const std::string* firstOf(const std::vector<std::string>& names, const std::vector<std::string>& allowed) {
    const auto found = std::find_first_of(names.begin(), names.end(), allowed.begin(), allowed.end());
    return found == names.end() ? nullptr : &*found;
}

} // namespace

AdminAccess::AdminAccess(const AdminOptions& options, bool loopback)
    : _readTokens(tokens("admin.read-token-file", options.readTokenFile, "read")),
      _operateTokens(tokens("admin.operate-token-file", options.operateTokenFile, "operate")),
      _readNames(options.readNames),
      _operateNames(options.operateNames) {
    const bool certificates = !options.clientCa.empty() && (!_readNames.empty() || !_operateNames.empty());
    const bool protectedBy = _readTokens || _operateTokens || certificates;
    if (!loopback && !protectedBy)
        throw Error(ErrorCode::SettingsInvalid,
                    "admin.listen: '" + options.listen + "' is not a loopback address, and nothing protects it",
                    "write operate-token-file, or client-ca with operate-names; or listen on 127.0.0.1 and forward "
                    "the port");
    // Anything that was meant to protect closes it, also what protects nothing yet.
    _open = !protectedBy && options.clientCa.empty();
}

std::optional<AdminAnswer> AdminAccess::admit(const AdminHead& head, AdminRequest& request) {
    if (_open) {
        request.actor = "loopback";
        request.role = AdminRole::Operate;
        return std::nullopt;
    }
    const bool certified = byCertificate(head.certificateNames, request);
    if (!head.authorization.empty() && (_readTokens || _operateTokens)) return byToken(head.authorization, request);
    if (certified) return std::nullopt;
    if (!head.certificateNames.empty())
        return AdminAnswer::refusal(403, "DENIED", "the client certificate has no name that may come in",
                                    request.requestId, "write one of its names into admin.read-names or operate-names");
    return refused(request, "a bearer token or a client certificate is needed", nullptr);
}

bool AdminAccess::byCertificate(const std::vector<std::string>& names, AdminRequest& request) const {
    const std::string* name = firstOf(names, _operateNames);
    request.role = name != nullptr ? AdminRole::Operate : AdminRole::Read;
    if (name == nullptr) name = firstOf(names, _readNames);
    if (name == nullptr) return false;
    request.actor = "certificate " + *name;
    return true;
}

std::optional<AdminAnswer> AdminAccess::byToken(const std::string& authorization, AdminRequest& request) {
    // Before the comparison, or the limit would not limit guessing.
    if (const auto wait = _failures.waitOf(request.caller); wait.count() > 0) {
        AdminAnswer answer = AdminAnswer::of(
            Error(ErrorCode::TooManyRequests, "too many wrong tokens from this address").withRetryAfter(wait),
            request.requestId);
        answer.status = 429;
        return answer;
    }
    const std::size_t space = authorization.find(' ');
    std::optional<std::string> reader, operatorName;
    if (space != std::string::npos && Poco::icompare(authorization.substr(0, space), "Bearer") == 0) {
        const std::string token =
            authorization.substr(std::min(authorization.find_first_not_of(' ', space), authorization.size()));
        if (_operateTokens) operatorName = _operateTokens->nameOf(token);
        if (_readTokens) reader = _readTokens->nameOf(token);
    }
    if (!operatorName && !reader) {
        _failures.failed(request.caller);
        log(LogLevel::Warning, "a wrong admin credential",
            {{"request", request.requestId}, {"caller", request.caller}, {"path", request.path}});
        return refused(request, "the token is not known", "invalid_token");
    }
    request.role = operatorName ? AdminRole::Operate : std::max(request.role, AdminRole::Read);
    if (operatorName || request.role == AdminRole::Read || request.actor.empty())
        request.actor = "token " + (operatorName ? *operatorName : *reader);
    return std::nullopt;
}

AdminAnswer AdminAccess::refused(const AdminRequest& request, const std::string& why, const char* error) const {
    AdminAnswer answer = AdminAnswer::refusal(401, "UNAUTHORIZED", why, request.requestId);
    std::string challenge = "Bearer realm=\"wasm-proxy admin\"";
    if (error != nullptr) challenge += std::string(", error=\"") + error + "\"";
    answer.headers.emplace_back("WWW-Authenticate", challenge);
    return answer;
}

} // namespace wasmproxy::host
