// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "FileCredentialSource.h"

#include <cppunit/TestAssert.h>

#include <memory>
#include <string>
#include <vector>

/// A source of the plugin, as the host makes one.
inline std::unique_ptr<wasmproxy::file::FileCredentialSource>
makeSource(wasmproxy::HostServices& host, const std::vector<wasmproxy::KeyValue>& values) {
    auto settings = std::make_unique<wasmproxy::file::FileSettings>();
    std::vector<wasmproxy::SettingsProblem> problems;
    settings->apply(values, "credential.x.", problems);
    for (const auto& problem : problems)
        CPPUNIT_FAIL(problem.key + ": " + problem.message);
    return std::make_unique<wasmproxy::file::FileCredentialSource>(host, std::move(settings));
}

inline std::vector<wasmproxy::Credential> findIn(wasmproxy::CredentialSource& source, const std::string& registry,
                                                 const std::string& name = "team/app",
                                                 std::chrono::milliseconds time = std::chrono::seconds(30)) {
    wasmproxy::Call call("t", wasmproxy::Call::Clock::now() + time);
    return source.find(call, {wasmproxy::Repository(registry, name), {}});
}

/// "user:secret user:secret", best first.
inline std::string found(wasmproxy::CredentialSource& source, const std::string& registry,
                         const std::string& name = "team/app") {
    std::string result;
    for (const auto& credential : findIn(source, registry, name))
        result += (result.empty() ? "" : " ") + credential.username + ":" + std::string(credential.secret.reveal());
    return result;
}

/// What the source complains of; empty: of nothing.
inline std::string faultOf(wasmproxy::CredentialSource& source, const std::string& registry,
                           const std::string& name = "team/app") {
    try {
        findIn(source, registry, name);
    } catch (const wasmproxy::Error& error) {
        CPPUNIT_ASSERT_MESSAGE(error.what(), error.code() == wasmproxy::ErrorCode::CredentialSourceFault);
        const std::string text = std::string(error.what()) + " [" + error.hint() + "]";
        CPPUNIT_ASSERT_MESSAGE(text, text.find("hunter2") == std::string::npos);
        for (const char c : std::string(error.what()))
            CPPUNIT_ASSERT_MESSAGE(text, static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
        return text;
    }
    return {};
}

inline void assertHas(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" lacks \"" + part + "\"", text.find(part) != std::string::npos);
}
