// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "RedisStore.h"
#include "wasmproxy/testing/TestServices.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// The settings as an operator would have written them; a problem fails the test. Timeouts that are not given are long:
/// machines that run tests are busy.
inline std::unique_ptr<redis::RedisSettings> redisSettings(std::vector<KeyValue> values) {
    auto settings = std::make_unique<redis::RedisSettings>();
    for (const char* key : {"connect-timeout", "command-timeout"})
        if (std::none_of(values.begin(), values.end(), [&](const KeyValue& value) { return value.key == key; }))
            values.push_back({key, "30s", ""});
    std::vector<SettingsProblem> problems;
    for (auto& value : values)
        value.origin = "test";
    settings->apply(values, "cache.shared.", problems);
    for (const auto& problem : problems)
        CPPUNIT_FAIL(problem.key + ": " + problem.message);
    return settings;
}

/// A store with its host, and short ways to use it.
struct RedisBench {
    explicit RedisBench(const std::string& url, std::vector<KeyValue> more = {}) {
        more.push_back({"url", url, ""});
        store = std::make_unique<redis::RedisStore>(host, redisSettings(more));
        shared = static_cast<SharedStore*>(store->ability(SharedStore::Id));
        CPPUNIT_ASSERT(shared != nullptr);
    }

    static Call call(std::chrono::milliseconds time = std::chrono::seconds(60)) {
        return {"test", Call::Clock::now() + time};
    }
    Digest put(const std::string& bytes) const {
        Call work = call();
        const auto ingest = store->ingest(work, bytes.size());
        ingest->write(bytes.data(), bytes.size());
        const Digest digest = Digest::of(bytes);
        ingest->commit(digest);
        return digest;
    }
    std::unique_ptr<Blob> open(const Digest& digest) const {
        Call work = call();
        return store->open(work, digest);
    }
    static std::string readAll(Blob& blob) {
        std::string bytes;
        char buffer[65536];
        while (const std::size_t got = blob.read(bytes.size(), buffer, sizeof buffer))
            bytes.append(buffer, got);
        return bytes;
    }
    std::optional<std::string> record(const std::string& key) const {
        Call work = call();
        return shared->record(work, key);
    }
    std::size_t lines(const std::string& part) const {
        std::size_t count = 0;
        for (const auto& line : host.lines())
            count += line.text.find(part) != std::string::npos;
        return count;
    }

    testing::TestServices host;
    std::unique_ptr<redis::RedisStore> store;
    SharedStore* shared = nullptr;
};

} // namespace wasmproxy::test
