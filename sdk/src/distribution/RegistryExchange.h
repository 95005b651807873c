// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/BearerAuthorizer.h"
#include "wasmproxy/distribution/RegistryDialect.h"
#include "wasmproxy/plugin/HostServices.h"

#include "ChallengeMemory.h"
#include "CredentialGate.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy {

/// What a registry finally answered, after challenges and redirects.
struct RegistryAnswer {
    std::unique_ptr<HttpResponse> response;
    HttpUrl url;          ///< that answered
    bool foreign = false; ///< a redirect had led to another origin
    std::string message;  ///< of a refusal's body, as it came

    int status() const { return response->status(); }
};

/// The requests of one resolve() or fetch(): one Repository, one Credential, one thread. It decides where the
/// credential goes: to the registry's own origin once a challenge asked for it, to an admitted token service, and
/// nowhere else.
class RegistryExchange {
public:
    /// What all exchanges of a backend share.
    struct Shared {
        HostServices& host;
        RegistryDialect& dialect;
        BearerAuthorizer& bearer;
        ChallengeMemory& challenges;
        CredentialGate& gate;
    };

    RegistryExchange(const Shared& shared, Call& call, const Repository& repository, HttpUrl api,
                     const Credential& credential);

    /// `what`: "manifests/v1". Follows redirects and answers challenges; any status may come back.
    RegistryAnswer send(const std::string& method, const std::string& what, const std::vector<HttpHeader>& headers);
    /// Throws the Error that the answer to `what` means.
    [[noreturn]] void refuse(const RegistryAnswer& answer, const std::string& what);
    /// Begins an Error's text: "registry.example.com: team/authz manifests/v1".
    std::string subject(const std::string& what) const;

private:
    enum class Sent { Nothing, Basic, Bearer };
    /// What `/v2/` says to the password.
    enum class Base { Unasked, Accepts, Refuses, Silent };

    RegistryAnswer follow(const std::string& method, const std::string& what, const std::vector<HttpHeader>& headers);
    void startFromMemory();
    bool meetChallenge(const HttpResponse& response);
    bool answerBearer(const Challenge& challenge);
    bool answerWithoutBearer(const std::vector<Challenge>& challenges);
    bool renewExpired(int status, const std::string& message);
    void authorizeBearer(const ChallengeMemory::Remembered& remembered);
    void authorizeBasic();
    bool isOwn() const;
    void passGate();
    void accepted();
    [[noreturn]] void rejected(const Error& error);
    Base askBase(bool authorized);
    ErrorCode judgeBasic();
    std::optional<std::string> tokenSubject() const;
    BearerAuthorizer::Subject bearerSubject() const { return {_repository, _api, _path, _shown}; }

    const Shared& _shared;
    Call& _call;
    const Repository& _repository;
    const HttpUrl _api;
    const std::string _path;
    const Credential& _credential;
    Credential _shown; ///< what the dialect makes of _credential
    BearerAuthorizer::Authorization _authorization;
    ChallengeMemory::Remembered _challenge; ///< that _authorization answers
    const Call::Clock::time_point _began = Call::Clock::now();
    std::unique_ptr<CredentialGate::Pass> _pass; ///< once the credential has been shown, or is about to be
    Base _base = Base::Unasked;
    Sent _sent = Sent::Nothing;
    bool _started = false;
    bool _renewed = false;      ///< one renewal is all there is
    bool _dropped = false;      ///< went without authorization once to see the Bearer challenge
    bool _insufficient = false; ///< the registry says that the token's scope is too small
};

} // namespace wasmproxy
