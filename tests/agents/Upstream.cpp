// SPDX-License-Identifier: Apache-2.0
#include "Upstream.h"

#include "scenarios/Rig.h"
#include "support/Base64.h"
#include "support/FreePorts.h"
#include "support/HttpClient.h"
#include "support/OciLayout.h"
#include "support/Push.h"

#include <filesystem>

namespace wasmproxy::test {
namespace {

constexpr std::chrono::seconds KeepTokens{60}; // they are good for 300 s

TokenServer::Options tokenOptions() {
    TokenServer::Options options;
    options.users = {{Upstream::User, Upstream::Password}};
    return options;
}

} // namespace

Upstream::Upstream()
    : _tokens(tokenOptions()),
      _port(freePort()),
      first(options()),
      second(options()),
      door({_folder / "data"}),
      front(_port, first.port(), [this](const auto& target, const auto& shown) { return token(target, shown); }) {
    first.start();
    second.start();
    door.start();
}

RegistryProcess::Options Upstream::options() const {
    RegistryProcess::Options options{_folder / "data"};
    options.tokenRealm = "http://127.0.0.1:" + std::to_string(_port) + "/token";
    options.tokenService = _tokens.service();
    options.tokenIssuer = _tokens.issuer();
    options.tokenCertificates = _tokens.certificateFile();
    return options;
}

std::pair<int, std::string> Upstream::token(const std::string& target, const std::string& authorization) {
    static const std::string refused = R"({"errors":[{"code":"UNAUTHORIZED","message":"no token"}]})";
    if (authorization != "Basic " + base64(std::string(User) + ":" + Password)) return {401, refused};
    auto& kept = _keptTokens[target];
    if (kept.until < Loop::Clock::now()) {
        const auto answer = HttpClient(_tokens.port()).get(target, {{"Authorization", authorization}});
        if (answer.status != 200) return {answer.status == 0 ? 503 : answer.status, answer.body};
        kept = {answer.body, Loop::Clock::now() + KeepTokens};
    }
    return {200, kept.answer};
}

WantedModule Upstream::publish(const std::string& name, std::size_t bytes) {
    const auto unique = name + "-" + std::to_string(++_published);
    WantedModule module;
    module.bytes = uniqueModule(unique, bytes);
    module.sha256 = sha256Hex(module.bytes);
    module.repository = "team/" + unique;
    module.tag = "v1";
    OciLayout layout(_folder / unique);
    module.digest = layout.addImage(istioArtifact(module.bytes), "v").digest;
    push("127.0.0.1:" + std::to_string(door.port()), layout.path(), "v", module.repository + ":" + module.tag);
    std::filesystem::remove_all(layout.path());
    return module;
}

void Upstream::removeTag(const WantedModule& module) {
    const auto tag =
        door.storage() + "/docker/registry/v2/repositories/" + module.repository + "/_manifests/tags/" + module.tag;
    if (std::filesystem::remove_all(tag) == 0) throw std::runtime_error("there is no tag at " + tag);
}

} // namespace wasmproxy::test
