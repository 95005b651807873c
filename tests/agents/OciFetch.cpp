// SPDX-License-Identifier: Apache-2.0
#include "OciFetch.h"

#include "support/Base64.h"

#include <Poco/JSON/Parser.h>
#include <algorithm>
#include <cstring>

namespace wasmproxy::test {
namespace {

constexpr std::chrono::seconds Total{30};
constexpr int Tries = 3;
constexpr double FirstSleep = 1000;
constexpr double Factor = 3;
constexpr double Jitter = 0.1;
constexpr const char* WasmLayer = "application/vnd.module.wasm.content.layer.v1+wasm";

bool mayTryAgain(int status) {
    static constexpr int Statuses[] = {408, 429, 499, 500, 502, 503, 504, 522};
    return std::find(std::begin(Statuses), std::end(Statuses), status) != std::end(Statuses);
}

/// The value of a challenge's parameter; empty: not there.
std::string parameter(const std::string& challenge, const std::string& name) {
    const auto at = challenge.find(name + "=\"");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 2;
    return challenge.substr(begin, challenge.find('"', begin) - begin);
}

std::string pathOf(const std::string& url) {
    const auto host = url.find("://");
    const auto slash = host == std::string::npos ? 0 : url.find('/', host + 3);
    return slash == std::string::npos ? "/" : url.substr(slash);
}

Poco::JSON::Object::Ptr object(const std::string& text) {
    return Poco::JSON::Parser().parse(text).extract<Poco::JSON::Object::Ptr>();
}

/// Of an image in Istio's `oci` layout: exactly two layers, one of them the module.
std::string moduleLayer(const std::string& manifest) {
    const auto layers = object(manifest)->getArray("layers");
    if (!layers || layers->size() != 2) return {};
    for (unsigned at = 0; at < layers->size(); ++at) {
        const auto layer = layers->getObject(at);
        if (layer->getValue<std::string>("mediaType") == WasmLayer) return layer->getValue<std::string>("digest");
    }
    return {};
}

} // namespace

OciFetch::OciFetch(Image image, unsigned seed) : _image(std::move(image)), _random(seed) {}

const char* OciFetch::nameOf(Phase phase) {
    switch (phase) {
    case Phase::Base:
        return "/v2/";
    case Phase::Token:
        return "token";
    case Phase::Manifest:
        return "manifest";
    case Phase::Layer:
        return "layer";
    }
    return "?";
}

Step OciFetch::begin(Clock::time_point now) {
    _end = now + Total;
    return next(Phase::Base);
}

Step OciFetch::next(Phase phase) {
    _phase = phase;
    _tries = 1;
    return {Step::Kind::Request};
}

std::string OciFetch::request() const {
    const auto basic = "Authorization: Basic " + base64(_image.user + ":" + _image.password) + "\r\n";
    std::string target = "/v2/";
    std::string headers = _authorization;
    if (_phase == Phase::Token) {
        target = _tokenPath;
        headers = _image.user.empty() ? "" : basic;
    } else if (_phase == Phase::Manifest) {
        target = "/v2/" + _image.repository + "/manifests/" + _image.reference;
        headers += "Accept: application/vnd.docker.distribution.manifest.v1+json,"
                   "application/vnd.docker.distribution.manifest.v1+prettyjws,"
                   "application/vnd.docker.distribution.manifest.v2+json,application/vnd.oci.image.manifest.v1+json,"
                   "application/vnd.docker.distribution.manifest.list.v2+json,"
                   "application/vnd.oci.image.index.v1+json\r\n";
    } else if (_phase == Phase::Layer) {
        target = "/v2/" + _image.repository + "/blobs/" + _layer;
    }
    return "GET " + target + " HTTP/1.1\r\nHost: registry.example.com\r\nUser-Agent: go-containerregistry/v0.21.0\r\n" +
           headers + "Accept-Encoding: gzip\r\n\r\n";
}

Step OciFetch::replied(const Reply& reply, Clock::time_point now) {
    const std::string what = std::string(nameOf(_phase)) + ": ";
    if (reply.status == 0) {
        const auto why = what + wasmproxy::test::nameOf(reply.failure);
        const bool temporary = reply.failure == Reply::Failure::Reset || reply.failure == Reply::Failure::Ended;
        return temporary ? again(why, now) : Step{Step::Kind::Failed, {}, why};
    }
    const auto status = what + "status " + std::to_string(reply.status);
    if (mayTryAgain(reply.status)) return again(status, now);
    if (!reply.whole()) return {Step::Kind::Failed, {}, what + "body: " + wasmproxy::test::nameOf(reply.failure)};
    if (_phase == Phase::Base && reply.status == 401) {
        if (reply.challenge.compare(0, 7, "Bearer ") == 0) {
            const auto realm = parameter(reply.challenge, "realm");
            if (realm.empty()) return {Step::Kind::Failed, {}, "a Bearer challenge without a realm"};
            _tokenPath = pathOf(realm) + "?scope=repository%3A" + _image.repository +
                         "%3Apull&service=" + parameter(reply.challenge, "service");
            return next(Phase::Token);
        }
        if (!_image.user.empty())
            _authorization = "Authorization: Basic " + base64(_image.user + ":" + _image.password) + "\r\n";
        return next(Phase::Manifest);
    }
    return reply.status == 200 ? success(reply) : Step{Step::Kind::Failed, {}, status};
}

Step OciFetch::success(const Reply& reply) {
    try {
        switch (_phase) {
        case Phase::Base:
            return next(Phase::Manifest);
        case Phase::Token: {
            const auto answer = object(reply.body);
            const auto token =
                answer->optValue<std::string>("token", answer->optValue<std::string>("access_token", ""));
            if (token.empty()) return {Step::Kind::Failed, {}, "no token in the answer"};
            _authorization = "Authorization: Bearer " + token + "\r\n";
            return next(Phase::Manifest);
        }
        case Phase::Manifest:
            _layer = moduleLayer(reply.body);
            if (_layer.empty()) return {Step::Kind::Failed, {}, "no module in the image"};
            return next(Phase::Layer);
        case Phase::Layer:
            break;
        }
    } catch (const Poco::Exception& error) {
        return {Step::Kind::Failed, {}, std::string(nameOf(_phase)) + ": " + error.displayText()};
    }
    return reply.moduleRight ? Step{Step::Kind::Loaded} : Step{Step::Kind::Failed, {}, "wrong module"};
}

Step OciFetch::again(const std::string& why, Clock::time_point now) {
    if (_tries >= Tries || now >= _end) return {Step::Kind::Failed, {}, why};
    const double base = _tries == 1 ? FirstSleep : FirstSleep * Factor;
    std::uniform_real_distribution<double> spread(base, base * (1 + Jitter));
    ++_tries;
    return {Step::Kind::Sleep, std::chrono::milliseconds(static_cast<int>(spread(_random))), why};
}

Step OciFetch::slept(Clock::time_point now) {
    if (now >= _end) return {Step::Kind::Failed, {}, "30 s are over"};
    return {Step::Kind::Request};
}

} // namespace wasmproxy::test
