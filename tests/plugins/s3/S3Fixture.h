// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "FakeS3.h"
#include "S3Store.h"
#include "plugins/TemporaryDirectory.h"
#include "support/ExpectError.h"

#include "wasmproxy/testing/TestServices.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <map>

namespace wasmproxy::s3::test {

using namespace std::chrono_literals;
using wasmproxy::test::expectError;

inline const std::string Bucket = "https://modules.s3.eu-west-1.amazonaws.com";
inline const std::string SecretKey = "canary-secret-access-key";
inline const std::string SessionToken = "canary-session-token";

/// A bucket in memory, a store of it and a directory for files.
class S3Fixture : public CppUnit::TestFixture {
protected:
    std::string write(const std::string& name, const std::string& text) {
        const std::string path = directory.path() + "/" + name;
        std::ofstream(path) << text;
        return path;
    }
    std::unique_ptr<S3Settings> settings(const std::vector<KeyValue>& more = {}) {
        auto result = std::make_unique<S3Settings>();
        std::vector<KeyValue> values = {{"bucket", "modules", ""}, {"region", "eu-west-1", ""}};
        for (const auto& each : more) {
            values.erase(std::remove_if(values.begin(), values.end(), [&](const auto& v) { return v.key == each.key; }),
                         values.end());
            values.push_back(each);
        }
        std::vector<SettingsProblem> problems;
        result->apply(values, "cache.s3.", problems);
        CPPUNIT_ASSERT_MESSAGE(problems.empty() ? "" : problems.front().key + ": " + problems.front().message,
                               problems.empty());
        return result;
    }
    aws::Environment environment() {
        return [this](const char* name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::string() : found->second;
        };
    }
    std::unique_ptr<S3Store> make(const std::vector<KeyValue>& more = {}) {
        return std::make_unique<S3Store>(host, settings(more), environment());
    }
    Call call(std::chrono::milliseconds time = 20s) const { return {"test", Call::Clock::now() + time}; }

    Digest put(S3Store& store, const std::string& bytes) {
        Call work = call();
        const auto ingest = store.ingest(work, bytes.size());
        ingest->write(bytes.data(), bytes.size());
        ingest->commit(Digest::of(bytes));
        return Digest::of(bytes);
    }
    std::unique_ptr<Blob> open(S3Store& store, const Digest& digest, std::chrono::milliseconds time = 20s) {
        Call work = call(time);
        return store.open(work, digest);
    }
    static std::string textOf(Blob& blob) {
        std::string text(static_cast<std::size_t>(blob.size()), '\0');
        std::size_t at = 0;
        while (at < text.size())
            at += blob.read(at, &text[at], text.size() - at);
        return text;
    }
    /// What the next request says when it is answered so.
    Error refusedWith(S3Store& store, int status, const std::string& body, std::vector<HttpHeader> headers = {}) {
        bucket.set([&](const HttpRequest&, FakeS3::Reply& reply) {
            reply = {status, body, headers};
            return true;
        });
        try {
            open(store, Digest::of("absent"));
        } catch (const Error& error) {
            bucket.set(nullptr);
            return error;
        }
        bucket.set(nullptr);
        CPPUNIT_FAIL("expected an Error for " + std::to_string(status) + " " + body);
        throw 0; // not reached
    }
    static void assertHas(const std::string& text, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE("expected '" + part + "' in: " + text, text.find(part) != std::string::npos);
    }
    void assertSilent(const std::string& text) const {
        for (const auto& canary : {SecretKey, SessionToken})
            CPPUNIT_ASSERT_MESSAGE(text, text.find(canary) == std::string::npos);
    }

    TemporaryDirectory directory;
    std::map<std::string, std::string> variables{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                                 {"AWS_SECRET_ACCESS_KEY", SecretKey},
                                                 {"AWS_SESSION_TOKEN", SessionToken}};
    FakeS3 bucket{Bucket, "AKIDEXAMPLE"};
    testing::TestServices host{bucket};
};

} // namespace wasmproxy::s3::test
