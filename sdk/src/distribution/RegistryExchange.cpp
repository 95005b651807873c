// SPDX-License-Identifier: Apache-2.0
#include "RegistryExchange.h"

#include "wasmproxy/oci/Error.h"

#include "AuthorizationHeader.h"
#include "JwtClaims.h"
#include "RegistryAnswer.h"

namespace wasmproxy {

namespace {

constexpr int MaximumRedirects = 5;
constexpr int MaximumRounds = 6; // a backstop: the rules below end sooner

bool isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

const Challenge* firstOf(const std::vector<Challenge>& challenges, const char* scheme) {
    for (const auto& challenge : challenges)
        if (challenge.scheme == scheme) return &challenge;
    return nullptr;
}

} // namespace

RegistryExchange::RegistryExchange(const Shared& shared, Call& call, const Repository& repository, HttpUrl api,
                                   const Credential& credential)
    : _shared(shared),
      _call(call),
      _repository(repository),
      _api(std::move(api)),
      _path(shared.dialect.apiPath(repository)),
      _credential(credential) {}

std::string RegistryExchange::subject(const std::string& what) const {
    return _api.authority() + ": " + _path + " " + what;
}

RegistryAnswer RegistryExchange::send(const std::string& method, const std::string& what,
                                      const std::vector<HttpHeader>& headers) {
    if (!_started) startFromMemory();
    for (int round = 1;; ++round) {
        RegistryAnswer answer = follow(method, what, headers);
        if (answer.status() < 400 || answer.status() == 404) {
            accepted();
            return answer;
        }
        if (method != "HEAD") answer.message = errorMessage(*answer.response);
        if (answer.foreign || round == MaximumRounds) return answer;
        if (answer.status() == 401 && meetChallenge(*answer.response)) continue;
        if (renewExpired(answer.status(), answer.message)) continue;
        // What was remembered may be what is wrong: the next exchange begins afresh. Not so where it led to a token
        // that is only not good for this repository.
        if (answer.status() == 401 && !(_sent == Sent::Bearer && _insufficient))
            _shared.challenges.forget(_api.origin());
        return answer;
    }
}

RegistryAnswer RegistryExchange::follow(const std::string& method, const std::string& what,
                                        const std::vector<HttpHeader>& headers) {
    HttpUrl url = HttpUrl::parse(_api.origin() + "/v2/" + _path + "/" + what, "URL of " + subject(what));
    bool foreign = false;
    for (int hop = 0;; ++hop) {
        _call.check(("asking " + url.authority()).c_str());
        WipedRequest request;
        request.method = method;
        request.url = url.str();
        request.headers = headers;
        if (!foreign) request.authorize(_authorization.header);
        auto response = _shared.host.http().send(_call, request);
        if (!foreign) _shared.dialect.observe(_repository, *response);
        if (!isRedirect(response->status())) return {std::move(response), url, foreign, {}};
        const std::string redirect = "redirect of " + subject(what);
        const HttpUrl next = url.resolve(response->header("Location"), redirect);
        if (hop == MaximumRedirects)
            throw Error(ErrorCode::UpstreamInvalid,
                        "the " + redirect + " is refused: more than " + std::to_string(MaximumRedirects) + " hops");
        // A backend may itself speak to such an address and so be trusted with it; a registry may not send us there.
        if (next.isMetadataAddress() && !next.sameOrigin(_api))
            throw Error(ErrorCode::AddressRefused, "the " + redirect + " is refused: it leads to " + next.authority() +
                                                       ", a link-local or metadata address");
        if (url.secure() && !next.secure())
            throw Error(ErrorCode::UpstreamInvalid,
                        "the " + redirect + " is refused: from https to plain http at " + next.authority());
        // Once away, always away: who redirects from outside has no say over where the credential goes.
        foreign = foreign || !next.sameOrigin(_api);
        url = next;
    }
}

void RegistryExchange::startFromMemory() {
    _started = true;
    const auto remembered = _shared.challenges.find(_api.origin());
    if (!remembered) return;
    const bool bearer = remembered->challenge.scheme == "bearer";
    if (!bearer && _credential.kind != Credential::Kind::Basic) return;
    _shown = _shared.dialect.credentialFor(_call, _repository, _credential, false);
    passGate();
    // A repository that is open to all may accept any password: one that is not known to be good waits for a challenge.
    if (!bearer && _pass && _pass->exclusive()) {
        _pass.reset();
        return;
    }
    try {
        if (bearer) {
            authorizeBearer(*remembered);
        } else {
            authorizeBasic();
        }
    } catch (const Error&) {
        // A token service that moved must not be asked for ever.
        _shared.challenges.forget(_api.origin());
        throw;
    }
}

bool RegistryExchange::meetChallenge(const HttpResponse& response) {
    const auto challenges = Challenge::parse(response.headerValues("WWW-Authenticate"));
    const Challenge* const bearer = firstOf(challenges, "bearer");
    _insufficient = bearer && bearer->parameter("error") == "insufficient_scope";
    return bearer ? answerBearer(*bearer) : answerWithoutBearer(challenges);
}

bool RegistryExchange::answerBearer(const Challenge& challenge) {
    const ChallengeMemory::Remembered next{challenge, _path};
    if (_sent == Sent::Bearer) {
        if (_renewed) return false;
        if (_authorization.fresh) {
            // A new token for the same question would be refused the same way.
            const bool same = _challenge.challenge.parameter("realm") == challenge.parameter("realm") &&
                              _challenge.challenge.parameter("service") == challenge.parameter("service") &&
                              BearerAuthorizer::scopesFor(_challenge.challenge, _challenge.path, _path) ==
                                  BearerAuthorizer::scopesFor(challenge, _path, _path);
            if (same || _authorization.token.empty()) return false;
        }
        _shared.bearer.forget(_authorization);
        _renewed = true;
    } else {
        _shown = _shared.dialect.credentialFor(_call, _repository, _credential, false);
    }
    authorizeBearer(next);
    _shared.challenges.remember(_api.origin(), next);
    return true;
}

bool RegistryExchange::answerWithoutBearer(const std::vector<Challenge>& challenges) {
    const Challenge* const basic = firstOf(challenges, "basic");
    if (_sent == Sent::Bearer) {
        // Harbor names Basic to who came with a stale token; without one it names Bearer again.
        const bool stale = !_authorization.fresh;
        _shared.bearer.forget(_authorization);
        if (!stale || _dropped) return false;
        _dropped = true;
        _authorization = {};
        _sent = Sent::Nothing;
        return true;
    }
    if (_sent == Sent::Basic || _credential.kind == Credential::Kind::Anonymous) return false;
    if (!basic && !challenges.empty())
        throw Error(ErrorCode::UpstreamInvalid, _api.authority() + " asks for authentication by '" +
                                                    presentable(challenges.front().scheme) +
                                                    "', which is not supported (Bearer and Basic are)");
    _shown = _shared.dialect.credentialFor(_call, _repository, _credential, false);
    if (!basic && _shown.kind == Credential::Kind::BearerToken) {
        authorizeBearer({});
        return true;
    }
    if (!basic && _shown.kind != Credential::Kind::Basic) return false;
    authorizeBasic();
    if (basic) _shared.challenges.remember(_api.origin(), {*basic, _path});
    return true;
}

bool RegistryExchange::renewExpired(int status, const std::string& message) {
    if (_sent == Sent::Nothing || _renewed || (_sent == Sent::Bearer && _authorization.fresh)) return false;
    if (!_shared.dialect.saysExpired(status, message)) return false;
    _renewed = true;
    _shared.bearer.forget(_authorization);
    const std::string before = _shown.fingerprint();
    _shown = _shared.dialect.credentialFor(_call, _repository, _credential, true);
    if (_sent == Sent::Basic) {
        if (_shown.fingerprint() == before) return false; // the same password would be refused the same way
        authorizeBasic();
    } else {
        authorizeBearer(_challenge);
    }
    return true;
}

void RegistryExchange::authorizeBearer(const ChallengeMemory::Remembered& remembered) {
    const auto scopes = BearerAuthorizer::scopesFor(remembered.challenge, remembered.path, _path);
    passGate();
    try {
        _authorization = _shared.bearer.authorize(_call, bearerSubject(), remembered.challenge, scopes);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::CredentialRefused) rejected(error);
        throw;
    }
    _challenge = remembered;
    _sent = Sent::Bearer;
}

void RegistryExchange::authorizeBasic() {
    auto authorization = BearerAuthorizer::basic(bearerSubject());
    passGate();
    _authorization = std::move(authorization);
    _sent = Sent::Basic;
    if (!_pass || !_pass->exclusive() || _base != Base::Unasked) return;
    // Not yet known to be good: a wrong one is told from a repository that it may not read at once, by one attempt.
    _base = askBase(true);
    if (_base != Base::Refuses) return;
    rejected(Error(ErrorCode::CredentialRefused,
                   _api.authority() + ": /v2/ answered 401 to credential '" + _credential.name + "'"));
}

/// Is the operator's own credential shown, and not one that the dialect made of it or none at all?
bool RegistryExchange::isOwn() const {
    return _credential.kind != Credential::Kind::Anonymous && _shown.fingerprint() == _credential.fingerprint();
}

void RegistryExchange::passGate() {
    if (!_pass && isOwn()) _pass = _shared.gate.enter(_call, _api.origin() + " " + _credential.fingerprint(), _began);
}

void RegistryExchange::accepted() {
    if (_pass && _sent != Sent::Nothing && _pass->exclusive()) _pass->accepted();
}

void RegistryExchange::rejected(const Error& error) {
    if (_pass) _pass->refused(error);
    throw Error(error);
}

RegistryExchange::Base RegistryExchange::askBase(bool authorized) {
    _call.check(("asking " + _api.authority()).c_str());
    WipedRequest request;
    request.url = _api.origin() + "/v2/";
    if (authorized) request.authorize(_authorization.header);
    const auto response = _shared.host.http().send(_call, request);
    _shared.dialect.observe(_repository, *response);
    if (response->status() == 200) return Base::Accepts;
    if (response->status() != 401) return Base::Silent;
    // A Bearer challenge says nothing about a password: it was not looked at.
    const auto challenges = Challenge::parse(response->headerValues("WWW-Authenticate"));
    return firstOf(challenges, "bearer") ? Base::Silent : Base::Refuses;
}

/// What a repository's 401 to the password means. Only where `/v2/` refuses who shows none and accepts this one, is the
/// password known to be right. Elsewhere (it needs none, wants a token or does not exist) nothing is proven and the
/// password counts as wrong: a repository wrongly left alone for a while harms less than an account that is locked.
ErrorCode RegistryExchange::judgeBasic() {
    const std::string key = _api.origin() + " " + _credential.fingerprint();
    if (_pass && !_pass->exclusive()) _pass = _shared.gate.doubt(_call, key, _began);
    if (_pass && !_pass->exclusive()) return ErrorCode::RepositoryDenied; // another exchange has asked meanwhile
    if (_base == Base::Unasked) _base = askBase(true);
    const bool proven = _base == Base::Accepts && askBase(false) == Base::Refuses;
    return proven ? ErrorCode::RepositoryDenied : ErrorCode::CredentialRefused;
}

std::optional<std::string> RegistryExchange::tokenSubject() const {
    const auto claims = jwtClaims(_authorization.token.reveal());
    if (!claims) return {};
    const auto subject = claims->find("sub");
    return subject && subject->isString() ? subject->asString() : std::string();
}

void RegistryExchange::refuse(const RegistryAnswer& answer, const std::string& what) {
    const int status = answer.status();
    ErrorCode code = codeOfStatus(status);
    std::string text = subject(what) + ": ";
    if (answer.foreign) {
        // Storage that refuses a signed URL says nothing about the credential: a new one is signed on the next try.
        if (status == 401 || status == 403) code = ErrorCode::UpstreamUnavailable;
        if (status == 412) code = ErrorCode::UpstreamInvalid;
        text += answer.url.authority() + ", to which the registry redirected, answered " + std::to_string(status);
    } else {
        if (status == 401 && _sent == Sent::Bearer) {
            // A token that names whom it is for: its service accepted the credential. One that does not may be for
            // nobody, as Harbor's after a wrong password, and counts as a refusal.
            const auto whose = tokenSubject();
            if (_insufficient || (_pass && whose && !whose->empty())) code = ErrorCode::RepositoryDenied;
        }
        if (status == 401 && _sent == Sent::Basic && isOwn()) code = judgeBasic();
        code = _shared.dialect.codeOf({status, code, _credential.kind, _sent == Sent::Bearer, tokenSubject()});
        text += "the registry answered " + std::to_string(status) + " to credential '" + _credential.name + "'";
    }
    const std::string_view header = _authorization.header.reveal();
    const std::string reason = presentable(
        answer.message, {header.substr(header.find(' ') + 1), _shown.secret.reveal(), _credential.secret.reveal()});
    if (!reason.empty()) text += ": " + reason;
    const Error error = Error(code, text).withRetryAfter(retryAfter(*answer.response, _shared.host.now()));
    if (code == ErrorCode::CredentialRefused) rejected(error);
    if (code == ErrorCode::RepositoryDenied && _pass) _pass->accepted();
    throw Error(error);
}

} // namespace wasmproxy
