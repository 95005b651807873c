// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/testing/TestServices.h"

#include "VaultCredentialSource.h"
#include "net/CurlTransport.h"
#include "support/ExpectError.h"
#include "support/TemporaryFolder.h"
#include "support/VaultServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::test {

using namespace std::chrono_literals;

inline host::TransportSettings privateNetwork() {
    host::TransportSettings settings;
    settings.instance = "vault";
    settings.allowPrivateAddresses = true;
    return settings;
}

/// A source before a scripted Vault, over real sockets. `refresh` is 0 and `retry` short, so that nothing has to wait.
class VaultFixture : public CppUnit::TestFixture {
protected:
    static inline const std::string Token = "hvs.operator-canary";
    static inline const std::string RoleId = "7c1e2f4a-role";
    static inline const std::string SecretId = "b41d-secret-id-canary";
    static inline const std::string Jwt = "eyJhbGciOi.jwt-canary.x";
    static inline const std::string Password = "pass-canary-1";

    VaultServer server;
    host::CurlTransport transport{privateNetwork()};
    testing::TestServices host{transport};
    TemporaryFolder folder;
    std::unique_ptr<vault::VaultCredentialSource> source;

    using Values = std::vector<std::pair<std::string, std::string>>;

    static std::unique_ptr<vault::VaultSettings> settingsOf(const Values& values) {
        auto settings = std::make_unique<vault::VaultSettings>();
        std::vector<SettingsProblem> problems;
        std::vector<KeyValue> list;
        for (const auto& [key, value] : values)
            list.push_back({key, value, "test"});
        settings->apply(list, "", problems);
        CPPUNIT_ASSERT_MESSAGE(problems.empty() ? "" : problems[0].key + ": " + problems[0].message, problems.empty());
        return settings;
    }
    /// Those values, and for what they leave open: this server, token auth, a short life for everything.
    Values completed(Values values) const {
        const auto add = [&](const std::string& key, const std::string& value) {
            for (const auto& [name, given] : values)
                if (name == key) return;
            values.emplace_back(key, value);
        };
        add("address", server.url());
        add("path", "secret/data/registries/{host}");
        add("auth", "token");
        for (const auto& [name, value] : values)
            if (name == "auth" && value == "token") {
                add("token-file", folder / "token");
                break;
            }
        add("refresh", "0s");
        add("retry", "100ms");
        return values;
    }
    void make(const Values& values = {}) {
        source = std::make_unique<vault::VaultCredentialSource>(host, settingsOf(completed(values)));
    }
    /// With a token, and a secret for reg.io.
    void makeWithToken(const Values& values = {}) {
        folder.write("token", Token + "\n");
        server.token(Token);
        server.write("secret/registries/reg.io", {{"username", "robot"}, {"password", Password}});
        make(values);
    }
    void makeWithAppRole(const Values& values = {}) {
        folder.write("secret-id", SecretId);
        server.appRole(RoleId, "wasm-proxy", {SecretId});
        server.write("secret/registries/reg.io", {{"username", "robot"}, {"password", Password}});
        Values all{{"auth", "approle"}, {"role-id", RoleId}, {"secret-id-file", folder / "secret-id"}};
        all.insert(all.end(), values.begin(), values.end());
        make(all);
    }

    std::vector<Credential> find(const std::string& registry = "reg.io", const std::string& path = "team/authz",
                                 std::chrono::milliseconds time = 20s) const {
        Call call("test", Call::Clock::now() + time);
        return source->find(call, {{registry, path}, {}});
    }
    std::string password(const std::string& registry = "reg.io", const std::string& path = "team/authz") const {
        const auto found = find(registry, path);
        return found.empty() ? "" : std::string(found[0].secret.reveal());
    }
    /// What find() throws, with its hint; no canary is in it.
    std::string failure(const std::string& registry = "reg.io") const {
        try {
            find(registry);
        } catch (const Error& error) {
            const std::string text = std::string(error.what()) + " / " + error.hint();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, static_cast<int>(ErrorCode::CredentialSourceFault),
                                         static_cast<int>(error.code()));
            CPPUNIT_ASSERT_MESSAGE(text, text.find("canary") == std::string::npos);
            return text;
        }
        CPPUNIT_FAIL("nothing was thrown");
        return {};
    }
    static void requireIn(const std::string& words, const std::string& text) {
        CPPUNIT_ASSERT_MESSAGE("expected '" + words + "' in: " + text, text.find(words) != std::string::npos);
    }
    std::size_t logged(const std::string& words) const {
        std::size_t result = 0;
        for (const auto& line : host.lines())
            result += line.text.find(words) != std::string::npos;
        return result;
    }

public:
    void tearDown() override {
        source.reset();
        // Whatever a test did: none of the secrets was logged.
        CPPUNIT_ASSERT(!host.logged("canary"));
    }
};

} // namespace wasmproxy::test
