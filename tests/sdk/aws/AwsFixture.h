// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugins/TemporaryDirectory.h"
#include "support/ExpectError.h"

#include "wasmproxy/aws/CredentialChain.h"
#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/TestServices.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <map>

namespace wasmproxy::aws::test {

using namespace std::chrono_literals;
using testing::FakeRegistry;
using wasmproxy::test::expectError;
namespace faults = testing::faults;

inline const std::string Imds = "http://169.254.169.254";
inline const std::string SecretKey = "canary-secret-access-key";
inline const std::string SessionToken = "canary-session-token";

/// A world of fake hosts, an environment to fill and a directory for files.
class AwsFixture : public CppUnit::TestFixture {
protected:
    std::string write(const std::string& name, const std::string& text) {
        const std::string path = directory.path() + "/" + name;
        std::ofstream(path) << text;
        return path;
    }
    Environment environment() {
        return [this](const char* name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::string() : found->second;
        };
    }
    void haveKeys() {
        variables["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
        variables["AWS_SECRET_ACCESS_KEY"] = SecretKey;
        variables["AWS_SESSION_TOKEN"] = SessionToken;
    }
    void assertSilent(const std::string& text) const {
        for (const auto& canary : {SecretKey, SessionToken})
            CPPUNIT_ASSERT_MESSAGE(text, text.find(canary) == std::string::npos);
    }

    TemporaryDirectory directory;
    std::map<std::string, std::string> variables;
    FakeRegistry world;
    testing::TestServices host{world};
    Call call{"test", Call::Clock::now() + 20s};
};

} // namespace wasmproxy::aws::test
