// SPDX-License-Identifier: Apache-2.0
#include "VaultFixture.h"
#include "support/Child.h"

#include <iostream>

using namespace wasmproxy;
using namespace wasmproxy::test;

/// The scripted Vault is written by us, so a client that others wrote has to get along with it, too.
class VaultRealClientTest : public VaultFixture {
    CPPUNIT_TEST_SUITE(VaultRealClientTest);
    CPPUNIT_TEST(hvacGetsAlongWithTheScriptedServer);
    CPPUNIT_TEST_SUITE_END();

public:
    void hvacGetsAlongWithTheScriptedServer() {
        std::string python;
        for (const std::string candidate : {"/usr/bin/python3", "python3"}) {
            if (!python.empty()) break;
            try {
                run(candidate, {"-c", "import hvac"});
                python = candidate;
            } catch (const std::runtime_error&) {
            }
        }
        if (python.empty()) {
            std::cout << "SKIPPED: the scripted Vault was not checked with hvac: python3-hvac is not installed"
                      << std::endl;
            return;
        }
        server.kubernetesRole("wasm-proxy", {Jwt});
        makeWithAppRole();
        const std::string wrapping = server.wrap("auth/approle/role/wasm-proxy/secret-id", SecretId);
        const std::string output = run(
            python, {SOURCE_ROOT "/tests/plugins/vault/hvac_check.py", server.url(), Jwt, RoleId, SecretId, wrapping});
        requireIn("hvac agrees", output);
        // And what it wrote is found by the plugin.
        CPPUNIT_ASSERT_EQUAL(std::string("from hvac"), password("hvac.io"));
        make({{"path", "kv/{host}"},
              {"auth", "approle"},
              {"role-id", RoleId},
              {"secret-id-file", folder / "secret-id"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password("hvac.io"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(VaultRealClientTest);
