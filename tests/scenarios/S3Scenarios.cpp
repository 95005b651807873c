// SPDX-License-Identifier: Apache-2.0
// The cache store s3 against a bucket that enforces signatures and policies.
#include "Moto.h"
#include "Rig.h"

#include "net/CurlTransport.h"
#include "support/ExpectError.h"
#include "support/FreePorts.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/PluginLibrary.h"
#include "wasmproxy/plugin/SharedStore.h"
#include "wasmproxy/testing/CacheStoreSuite.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <sstream>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// tests/support/s3-emulator.
class Bucket {
public:
    explicit Bucket(const std::string& moto) {
        Child::Options options;
        options.outputFile = folder / "output";
        options.environment = {{"PYTHONPATH", moto + "/python"}, {"PYTHONDONTWRITEBYTECODE", "1"}};
        const std::vector<std::string> arguments = {folder.path(), std::to_string(_port)};
        _child = std::make_unique<Child>(SOURCE_ROOT "/tests/support/s3-emulator", arguments, options);
        if (!_child->waitForPort(_port, seconds(60)))
            throw std::runtime_error("s3-emulator does not start: " + readFile(options.outputFile));
    }

    std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(_port); }
    HttpClient http() const { return HttpClient(_port); }
    std::string file(const std::string& name) const { return readFile(folder / name); }
    void tell(const std::string& word) const {
        CPPUNIT_ASSERT_EQUAL(204, HttpClient(_port).send("POST", "/emulator/" + word).status);
    }
    /// Of the lines of its log, how many hold this.
    std::size_t count(const std::string& part) const {
        std::istringstream lines(file("log"));
        std::size_t result = 0;
        for (std::string line; std::getline(lines, line);)
            result += line.find(part) != std::string::npos;
        return result;
    }

    TemporaryFolder folder;

private:
    const int _port = freePort();
    std::unique_ptr<Child> _child;
};

/// A host with a network, which keeps what is logged.
class Services : public HostServices {
public:
    Services() : _transport(settings()) {}
    HttpTransport& http() override { return _transport; }
    std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::now(); }
    void log(LogLevel, const std::string& line) noexcept override {
        const std::lock_guard<std::mutex> lock(_mutex);
        _log += line + "\n";
    }
    std::string logged() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _log;
    }

private:
    static host::TransportSettings settings() {
        std::signal(SIGPIPE, SIG_IGN);
        host::TransportSettings settings;
        settings.trustedHosts = {"127.0.0.1"};
        return settings;
    }
    host::CurlTransport _transport;
    mutable std::mutex _mutex;
    std::string _log;
};

} // namespace

class S3Scenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(S3Scenarios);
    CPPUNIT_TEST(theEmulatorEnforces);
    CPPUNIT_TEST(keepsTheContractOfACacheStore);
    CPPUNIT_TEST(aLargeModuleAndManyObjects);
    CPPUNIT_TEST(whoIsRefusedLearnsWhy);
    CPPUNIT_TEST(aSessionEndsAndIsRenewed);
    CPPUNIT_TEST(slowDown);
    CPPUNIT_TEST(replicasShare);
    CPPUNIT_TEST(aStoreThatFailsFailsNobody);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<Bucket> bucket; // made for each test: CppUnit keeps all fixtures from the start
    std::unique_ptr<Services> services;
    std::unique_ptr<ComponentFactory> factory;

public:
    void setUp() override {
        const auto& moto = motoFolder();
        if (moto.empty()) return;
        bucket = std::make_unique<Bucket>(moto);
        services = std::make_unique<Services>();
        PluginLibrary library(BUILD_ROOT "/plugins/s3.so", "s3.so");
        factory = std::move(library.makeFactories().front());
    }
    void tearDown() override {
        factory.reset();
        services.reset();
        bucket.reset();
    }

private:
    using Values = std::map<std::string, std::string>;

    std::unique_ptr<CacheStore> make(const Values& values, HostServices& host) const {
        Values all{{"bucket", "modules"}, {"region", "eu-west-1"}, {"endpoint", bucket->endpoint()}};
        for (const auto& [key, value] : values)
            all[key] = value;
        std::vector<KeyValue> list;
        for (const auto& [key, value] : all)
            list.push_back({key, value, "test"});
        auto settings = factory->settings();
        std::vector<SettingsProblem> problems;
        settings->apply(list, "", problems);
        CPPUNIT_ASSERT_MESSAGE(problems.empty() ? "" : problems.front().message, problems.empty());
        return std::unique_ptr<CacheStore>(
            static_cast<CacheStore*>(factory->create(host, std::move(settings)).release()));
    }
    std::unique_ptr<CacheStore> withKey(const std::string& name, Values more = {}) const {
        more["access-key-file"] = bucket->folder / ("key-" + name);
        return make(more, *services);
    }
    static Call call(milliseconds time = seconds(30)) { return {"test", Call::Clock::now() + time}; }
    static Digest put(CacheStore& store, const std::string& bytes) {
        Call work = call();
        const auto ingest = store.ingest(work, bytes.size());
        ingest->write(bytes.data(), bytes.size());
        ingest->commit(Digest::of(bytes));
        return Digest::of(bytes);
    }
    static std::string get(CacheStore& store, const Digest& digest) {
        Call work = call();
        const auto blob = store.open(work, digest);
        CPPUNIT_ASSERT_MESSAGE("absent: " + digest.str(), blob);
        std::string text(static_cast<std::size_t>(blob->size()), '\0');
        std::size_t at = 0;
        while (at < text.size())
            at += blob->read(at, &text[at], text.size() - at);
        return text;
    }
    static bool has(CacheStore& store, const Digest& digest) {
        Call work = call();
        return store.open(work, digest) != nullptr;
    }
    void assertNoSecret(const std::string& text) const {
        for (const char* key : {"key-default", "key-poor", "key-reader", "key-session"}) {
            std::istringstream lines(bucket->file(key));
            for (std::string line; std::getline(lines, line);)
                if (line.find("secret") != std::string::npos || line.find("token") != std::string::npos)
                    CPPUNIT_ASSERT_MESSAGE(text, text.find(line.substr(line.find(" = ") + 3)) == std::string::npos);
        }
    }

    /// Or nothing below would be worth anything.
    void theEmulatorEnforces() {
        if (!bucket) return;
        CPPUNIT_ASSERT_EQUAL(403, bucket->http().get("/modules/wasm-proxy/x").status);
        CPPUNIT_ASSERT_EQUAL(403, bucket->http().get("/modules?list-type=2").status);
        const auto request = [&](const std::string& url) {
            HttpRequest result;
            result.url = bucket->endpoint() + url;
            result.headers = {{"x-amz-content-sha256", std::string(Digest::of("").hex())}};
            const std::string secret = bucket->file("secret");
            result.signature =
                AwsSignature{"eu-west-1", "s3", bucket->file("id"), Secret(secret.substr(0, secret.size() - 1)), {}};
            return result;
        };
        const auto status = [&](const HttpRequest& asked) {
            Call work = call();
            return services->http().send(work, asked)->status();
        };
        CPPUNIT_ASSERT_EQUAL(404, status(request("/modules/wasm-proxy/x")));
        CPPUNIT_ASSERT_EQUAL(200, status(request("/modules/?list-type=2&prefix=wasm-proxy%2F")));
        CPPUNIT_ASSERT_EQUAL(403, status(request("/modules/?prefix=wasm-proxy%2F&list-type=2"))); // AWS signs it sorted
        CPPUNIT_ASSERT_EQUAL(403, status(request("/modules/other/x")));                           // the policy
        auto hashless = request("/modules/wasm-proxy/x");
        hashless.headers.clear();
        CPPUNIT_ASSERT_EQUAL(403, status(hashless));
        auto lying = request("/modules/wasm-proxy/x");
        lying.headers[0].value = Digest::of("another").hex();
        CPPUNIT_ASSERT_EQUAL(400, status(lying));
        auto elsewhere = request("/modules/wasm-proxy/x");
        elsewhere.signature->region = "us-east-1";
        CPPUNIT_ASSERT_EQUAL(400, status(elsewhere));
    }

    void keepsTheContractOfACacheStore() {
        if (!bucket) return;
        testing::CacheStoreOptions options;
        options.bigBlob = 20u << 20;
        options.threads = 4;
        const auto findings = testing::checkCacheStore(
            [&](HostServices& host) {
                return make(
                    {{"access-key-id", bucket->file("id")}, {"secret-access-key-file", bucket->folder / "secret"}},
                    host);
            },
            *services, options);
        CPPUNIT_ASSERT(findings.size() > 15);
        for (const auto& finding : findings)
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail + "\n" + services->logged(), finding.passed);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), bucket->count("403 "));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), bucket->count("400 "));
    }

    void aLargeModuleAndManyObjects() {
        if (!bucket) return;
        const auto store = withKey("default");
        const auto module = uniqueModule("large", 64u << 20);
        const auto digest = put(*store, module);
        CPPUNIT_ASSERT(get(*store, digest) == module);
        bucket->tell("many"); // more than a page
        std::map<Digest, std::uint64_t> found;
        Call work = call();
        store->visit(work, [&](const StoredBlob& blob) { found[blob.digest] = blob.size; });
        CPPUNIT_ASSERT_EQUAL(std::size_t(1101), found.size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(module.size()), found[digest]);
        CPPUNIT_ASSERT(store->remove(work, digest));
        CPPUNIT_ASSERT(!has(*store, digest));

        auto* records = static_cast<SharedStore*>(store->ability(SharedStore::Id));
        records->putRecord(work, "tag/authz:v1", "{}", seconds(60));
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), records->record(work, "tag/authz:v1").value());
        const std::string largest(SharedStore::MaxRecord, 'v');
        records->putRecord(work, "tag/authz:v1", largest, seconds(60));
        CPPUNIT_ASSERT(records->record(work, "tag/authz:v1") == largest);
        records->putRecord(work, "tag/short", "{}", seconds(1));
        std::this_thread::sleep_for(milliseconds(1100));
        CPPUNIT_ASSERT(!records->record(work, "tag/short"));
        records->removeRecord(work, "tag/authz:v1");
        CPPUNIT_ASSERT(!records->record(work, "tag/authz:v1"));
    }

    void whoIsRefusedLearnsWhy() {
        if (!bucket) return;
        const auto digest = put(*withKey("default"), "module");
        const auto refused = [&](std::unique_ptr<CacheStore> store, const std::string& what, const std::string& hint) {
            try {
                has(*store, digest);
            } catch (const Error& error) {
                const std::string text = std::string(error.what()) + " / " + error.hint();
                CPPUNIT_ASSERT_MESSAGE(text, error.code() == ErrorCode::StorageFault);
                CPPUNIT_ASSERT_MESSAGE(text, std::string(error.what()).find(what) != std::string::npos);
                CPPUNIT_ASSERT_MESSAGE(text, error.hint().find(hint) != std::string::npos);
                assertNoSecret(text);
                return;
            }
            CPPUNIT_FAIL("expected to be refused: " + what);
        };
        refused(withKey("wrong"), "403 SignatureDoesNotMatch",
                "secret access key does not belong to the access key id");
        refused(withKey("unknown"), "403 InvalidAccessKeyId", "AWS does not know this access key");
        refused(withKey("poor"), "403 AccessDenied", "s3:ListBucket on arn:aws:s3:::modules, and s3:GetObject");
        refused(withKey("default", {{"prefix", "other/"}}), "403 AccessDenied", "arn:aws:s3:::modules/other/*");
        refused(withKey("default", {{"region", "us-east-1"}}), "400 AuthorizationHeaderMalformed",
                "set region = eu-west-1");
        bucket->tell("clock-ahead");
        refused(withKey("default"), "403 RequestTimeTooSkewed", "s behind AWS's: set it right");
        bucket->tell("clock-now");
        const auto reader = withKey("reader");
        CPPUNIT_ASSERT_EQUAL(std::string("module"), get(*reader, digest));
        expectError("may not write", ErrorCode::StorageFault, "PUT of", [&] { put(*reader, "other"); });
        CPPUNIT_ASSERT_EQUAL(std::string("module"), get(*reader, digest));
        assertNoSecret(services->logged());
    }

    void aSessionEndsAndIsRenewed() {
        if (!bucket) return;
        const auto store = withKey("session");
        const auto digest = put(*store, "module");
        CPPUNIT_ASSERT_EQUAL(std::string("module"), get(*store, digest));
        bucket->tell("session-ends");
        expectError("ended", ErrorCode::StorageFault, "400 ExpiredToken", [&] { has(*store, digest); });
        const auto aside = bucket->folder.write("key-session.new", bucket->file("key-session-new"));
        CPPUNIT_ASSERT_EQUAL(0, std::rename(aside.c_str(), (bucket->folder / "key-session").c_str()));
        CPPUNIT_ASSERT_EQUAL(std::string("module"), get(*store, digest)); // at once
        assertNoSecret(services->logged());
    }

    void slowDown() {
        if (!bucket) return;
        const auto store = withKey("default");
        const auto digest = put(*store, "module");
        bucket->tell("slow-down");
        for (int i = 0; i < 3; ++i)
            expectError("slow", ErrorCode::StorageFault, "503 SlowDown", [&] { has(*store, digest); });
        const auto asked = bucket->count("503 ");
        expectError("alone", ErrorCode::StorageFault, "left alone", [&] { has(*store, digest); });
        CPPUNIT_ASSERT_EQUAL(asked, bucket->count("503 "));
        bucket->tell("well");
        const auto end = Call::Clock::now() + seconds(10);
        bool again = false;
        while (!again && Call::Clock::now() < end) {
            std::this_thread::sleep_for(milliseconds(50));
            try {
                again = has(*store, digest);
            } catch (const Error&) {
            }
        }
        CPPUNIT_ASSERT_MESSAGE(services->logged(), again);
    }

    std::unique_ptr<Proxy> replica(const PrivateRegistry& upstream, const std::string& key) const {
        Proxy::Options options{upstream.registry.host()};
        options.pull = "caches = main, shared";
        options.more =
            "[cache.shared]\nplugin = s3\nbucket = modules\nregion = eu-west-1\nendpoint = " + bucket->endpoint() +
            "\naccess-key-file = " + (bucket->folder / ("key-" + key)) + "\n";
        return std::make_unique<Proxy>(options);
    }
    /// Waits until the bucket has been told so often.
    void awaitPuts(std::size_t records, const Proxy& proxy) const {
        const auto end = Call::Clock::now() + seconds(20);
        while (bucket->count("200 PUT /modules/wasm-proxy/records/") < records && Call::Clock::now() < end)
            std::this_thread::sleep_for(milliseconds(20));
        CPPUNIT_ASSERT_MESSAGE(bucket->file("log") + proxy.log(),
                               bucket->count("200 PUT /modules/wasm-proxy/records/") >= records);
    }

    /// What one replica pulled, a second cold one serves without asking upstream.
    void replicasShare() {
        if (!bucket) return;
        PrivateRegistry upstream;
        const auto module = uniqueModule("shared by s3", 3u << 20);
        upstream.put("team/authz:v1", istioArtifact(module));
        const auto reference = upstream.registry.host() + "/team/authz:v1";
        const auto first = replica(upstream, "default");
        auto answer = first->fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + first->log(), 200, answer.status);
        awaitPuts(2, *first); // the manifest's module, the tag
        upstream.registry.stop();
        const auto second = replica(upstream, "session"); // another identity with the same rights
        answer = second->fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + second->log() + bucket->file("log"), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
        // One that may only read serves it as well.
        const auto third = replica(upstream, "reader");
        answer = third->fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + third->log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
        for (const auto* each : {&first, &second, &third})
            assertNoSecret((*each)->log() + (*each)->health("/metrics").body);
    }

    void aStoreThatFailsFailsNobody() {
        if (!bucket) return;
        PrivateRegistry upstream;
        const auto proxy = replica(upstream, "default");
        bucket->tell("slow-down");
        for (int i = 0; i < 6; ++i) {
            const auto module = uniqueModule("unshared " + std::to_string(i));
            const auto name = "team/authz:v" + std::to_string(i);
            upstream.put(name, istioArtifact(module));
            const auto answer = proxy->fetch(upstream.registry.host() + "/" + name);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy->log(), 200, answer.status);
            CPPUNIT_ASSERT(answer.body == module);
        }
        CPPUNIT_ASSERT_MESSAGE(bucket->file("log"), bucket->count("503 ") < 12); // left alone after three
        CPPUNIT_ASSERT_MESSAGE(proxy->log(), proxy->log().find("503 SlowDown") != std::string::npos);
        bucket->tell("well");
        const auto forbidden = replica(upstream, "poor");
        upstream.put("team/late:v1", istioArtifact(uniqueModule("late")));
        const auto answer = forbidden->fetch(upstream.registry.host() + "/team/late:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + forbidden->log(), 200, answer.status);
        CPPUNIT_ASSERT_MESSAGE(forbidden->log(), forbidden->log().find("s3:GetObject") != std::string::npos);
        assertNoSecret(proxy->log() + forbidden->log());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(S3Scenarios);
