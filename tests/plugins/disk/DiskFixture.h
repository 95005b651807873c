// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "DiskStore.h"
#include "plugins/RecordingHost.h"
#include "plugins/TemporaryDirectory.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

/// What the disk store's tests share.
struct DiskFixture : CppUnit::TestFixture {
    std::unique_ptr<TemporaryDirectory> root;
    RecordingHost host;
    std::string directory;

    void setUp() override {
        root = std::make_unique<TemporaryDirectory>();
        directory = *root / "cache";
    }
    void tearDown() override { root.reset(); }

    static wasmproxy::Call call() { return {"test", wasmproxy::Call::Clock::now() + std::chrono::seconds(60)}; }

    static std::unique_ptr<wasmproxy::disk::DiskSettings> settings(const std::string& path) {
        auto result = std::make_unique<wasmproxy::disk::DiskSettings>();
        std::vector<wasmproxy::SettingsProblem> problems;
        result->apply({{"directory", path, "test.ini:1"}}, "cache.local.", problems);
        CPPUNIT_ASSERT(problems.empty());
        return result;
    }
    std::unique_ptr<wasmproxy::disk::DiskStore> make(const std::string& path) {
        return std::make_unique<wasmproxy::disk::DiskStore>(host, settings(path));
    }
    std::unique_ptr<wasmproxy::disk::DiskStore> make() { return make(directory); }

    static wasmproxy::Digest put(wasmproxy::CacheStore& store, const std::string& bytes) {
        auto work = call();
        const auto ingest = store.ingest(work, bytes.size());
        ingest->write(bytes.data(), bytes.size());
        const auto digest = wasmproxy::Digest::of(bytes);
        ingest->commit(digest);
        return digest;
    }
    /// "<absent>" where there is none.
    static std::string get(wasmproxy::CacheStore& store, const wasmproxy::Digest& digest) {
        auto work = call();
        const auto blob = store.open(work, digest);
        if (!blob) return "<absent>";
        std::string bytes(blob->size(), '\0');
        std::size_t at = 0;
        while (at < bytes.size())
            at += blob->read(at, bytes.data() + at, bytes.size() - at);
        return bytes;
    }
    static std::map<wasmproxy::Digest, std::uint64_t> visited(wasmproxy::CacheStore& store) {
        std::map<wasmproxy::Digest, std::uint64_t> result;
        auto work = call();
        store.visit(work, [&](const wasmproxy::StoredBlob& blob) { result.emplace(blob.digest, blob.size); });
        return result;
    }
    std::string pathOf(const wasmproxy::Digest& digest) const {
        return directory + "/" + wasmproxy::disk::BlobDirectory::relative(digest);
    }
    static std::size_t filesIn(const std::string& path) {
        const std::filesystem::directory_iterator files(path);
        return static_cast<std::size_t>(std::distance(begin(files), end(files)));
    }
    /// "<code>: <message> [<hint>]" of the Error that `action` throws, "" if it throws none.
    template <class Action>
    static std::string errorOf(Action action) {
        try {
            action();
        } catch (const wasmproxy::Error& error) {
            return std::string(wasmproxy::traitsOf(error.code()).name) + ": " + error.what() + " [" + error.hint() +
                   "]";
        }
        return {};
    }
    static void assertContains(const std::string& text, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" lacks \"" + part + "\"", text.find(part) != std::string::npos);
    }
};
