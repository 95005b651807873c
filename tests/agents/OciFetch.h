// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Fetch.h"

#include <random>
#include <string>

namespace wasmproxy::test {

/// istio-agent and an oci:// URL, as go-containerregistry asks: /v2/, the token where a Bearer challenge wants one, the
/// manifest, the layer that holds the module. Each request is tried three times, 1 s and 3 s apart (+10 %), where the
/// answer is one of eight statuses or the connection broke; a refused connection and a body that fails are final. 30 s
/// in all, no limit per request.
class OciFetch : public Fetch {
public:
    struct Image {
        std::string repository;
        std::string reference; ///< tag or digest
        std::string user;      ///< empty: no pull secret
        std::string password;
    };

    OciFetch(Image image, unsigned seed);

    Step begin(Clock::time_point now) override;
    std::string request() const override;
    Clock::time_point deadline() const override { return _end; }
    bool wantsModule() const override { return _phase == Phase::Layer; }
    bool usesTokenService() const override { return _phase == Phase::Token; }
    Step replied(const Reply& reply, Clock::time_point now) override;
    Step slept(Clock::time_point now) override;

private:
    enum class Phase { Base, Token, Manifest, Layer };
    Step next(Phase phase);
    Step again(const std::string& why, Clock::time_point now);
    Step success(const Reply& reply);
    static const char* nameOf(Phase phase);

    const Image _image;
    std::minstd_rand _random;
    Clock::time_point _end;
    Phase _phase = Phase::Base;
    int _tries = 0;
    std::string _tokenPath; ///< with its query
    std::string _authorization;
    std::string _layer; ///< digest
};

} // namespace wasmproxy::test
