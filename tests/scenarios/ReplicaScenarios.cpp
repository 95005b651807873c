// SPDX-License-Identifier: Apache-2.0
// Three replicas with caches of their own and one Redis between them; and caches in an order.
#include "Rig.h"

#include "support/FaultProxy.h"
#include "support/RedisInstance.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <iostream>
#include <set>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

class ReplicaScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReplicaScenarios);
    CPPUNIT_TEST(threeColdReplicasMakeOneChain);
    CPPUNIT_TEST(aSlowChainIsOneToo);
    CPPUNIT_TEST(aMovedTagIsSeenByAllWithinItsTime);
    CPPUNIT_TEST(redisKilledAHundredTimesFailsNobody);
    CPPUNIT_TEST(cachesInAnOrderThatMeansNothingAreRefused);
    CPPUNIT_TEST(memoryAloneWritesNoContent);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<PrivateRegistry> origin; // made for each test: CppUnit keeps all fixtures from the start
    std::unique_ptr<RedisInstance> redis;
    std::vector<std::unique_ptr<Proxy>> replicas;

public:
    void setUp() override {
        origin = std::make_unique<PrivateRegistry>();
        redis = std::make_unique<RedisInstance>();
    }
    void tearDown() override {
        replicas.clear();
        redis.reset();
        origin.reset();
    }

private:
    Proxy::Options options(const std::string& caches, const std::string& more) const {
        Proxy::Options result{origin->registry.host()};
        result.pull = "caches = " + caches;
        result.more = more;
        return result;
    }
    void start(const std::string& route = "", const std::string& registryHost = "") {
        auto shared = options("main, shared", "[cache.shared]\nplugin = redis\nurl = " + redis->url() + "\n");
        if (!registryHost.empty()) shared.registryHost = registryHost;
        shared.route = route;
        std::vector<std::future<std::unique_ptr<Proxy>>> starting;
        for (int i = 0; i < 3; ++i)
            starting.push_back(std::async(std::launch::async, [&] { return std::make_unique<Proxy>(shared); }));
        for (auto& each : starting)
            replicas.push_back(each.get());
    }
    std::string reference(const std::string& name) const { return origin->registry.host() + "/" + name; }
    std::string logs() const {
        std::string text;
        for (const auto& each : replicas)
            text += "\n--------\n" + each->log();
        return text;
    }

    /// No content was asked for twice, by whomever.
    void requireOneChain() const {
        std::multiset<std::string> asked;
        for (const auto& request : origin->registry.requests())
            if (request.method == "GET" && request.status == 200 && request.kind != LoggedRequest::Kind::Base)
                asked.insert(request.target);
        CPPUNIT_ASSERT(asked.size() >= 2); // the manifest and the module's layer
        for (const auto& target : asked)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(target + logs(), std::size_t(1), asked.count(target));
    }

    void threeColdReplicasMakeOneChain() {
        const auto module = uniqueModule("cold", 300000);
        origin->put("team/cold:v1", istioArtifact(module));
        start();
        origin->registry.forget();
        std::vector<std::future<HttpAnswer>> answers;
        for (int i = 0; i < 5; ++i)
            for (const auto& each : replicas)
                answers.push_back(
                    std::async(std::launch::async, [&] { return each->fetch(reference("team/cold:v1")); }));
        for (auto& each : answers) {
            const auto answer = each.get();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + logs(), 200, answer.status);
            CPPUNIT_ASSERT(answer.body == module);
        }
        requireOneChain();
        double learned = 0;
        for (const auto& each : replicas) {
            learned += each->metric("wasm_proxy_shared_records_total{result=\"learned\"}");
            CPPUNIT_ASSERT(each->metric("wasm_proxy_cache_tier_bytes{cache=\"main\"}") >= double(module.size()));
        }
        CPPUNIT_ASSERT_EQUAL(2.0, learned);
        // A fourth one, from nothing and without the registry.
        origin->registry.stop();
        const Proxy fourth(options("main, shared", "[cache.shared]\nplugin = redis\nurl = " + redis->url() + "\n"));
        CPPUNIT_ASSERT(fourth.fetch(reference("team/cold:v1")).body == module);
        CPPUNIT_ASSERT(fourth.admin("/api/v1/cache").body.find("\"kind\":\"shared\"") != std::string::npos);
    }

    /// Slower than a lock that nobody renews would last, and than any request is held.
    void aSlowChainIsOneToo() {
        const auto module = uniqueModule("slow", 300000);
        origin->put("team/slow:v1", istioArtifact(module));
        FaultProxy link(origin->registry.port());
        const auto host = "127.0.0.1:" + std::to_string(link.port());
        start("", host);
        origin->registry.forget();
        link.slow(20000);
        std::vector<std::future<int>> answers;
        for (const auto& each : replicas)
            answers.push_back(std::async(std::launch::async, [&] {
                int busy = 0;
                for (; busy < 4; ++busy)
                    if (each->fetch(host + "/team/slow:v1").body == module) break;
                return busy;
            }));
        for (auto& each : answers) {
            const int busy = each.get();
            CPPUNIT_ASSERT_MESSAGE(std::to_string(busy) + logs(), busy >= 1 && busy < 4);
        }
        requireOneChain();
    }

    void aMovedTagIsSeenByAllWithinItsTime() {
        const auto before = uniqueModule("before"), after = uniqueModule("after");
        origin->put("team/moving:v1", istioArtifact(before));
        start("tag-ttl = 2s");
        for (const auto& each : replicas)
            CPPUNIT_ASSERT(each->fetch(reference("team/moving:v1")).body == before);
        origin->put("team/moving:v1", istioArtifact(after));
        origin->registry.forget();
        std::vector<steady_clock::time_point> seen(replicas.size());
        const auto moved = steady_clock::now();
        while (std::count(seen.begin(), seen.end(), steady_clock::time_point()) > 0) {
            CPPUNIT_ASSERT_MESSAGE(logs(), steady_clock::now() - moved < std::chrono::seconds(15));
            for (std::size_t i = 0; i < replicas.size(); ++i) {
                const auto answer = replicas[i]->fetch(reference("team/moving:v1"));
                CPPUNIT_ASSERT_EQUAL(200, answer.status);
                CPPUNIT_ASSERT(answer.body == before || answer.body == after);
                const bool isNew = answer.body == after;
                CPPUNIT_ASSERT_MESSAGE("back to what it was", isNew || seen[i] == steady_clock::time_point());
                if (isNew && seen[i] == steady_clock::time_point()) seen[i] = steady_clock::now();
            }
            std::this_thread::sleep_for(milliseconds(20));
        }
        const auto apart = *std::max_element(seen.begin(), seen.end()) - *std::min_element(seen.begin(), seen.end());
        const auto late = std::chrono::duration_cast<milliseconds>(apart).count();
        std::cout << "replicas differed for " << late << " ms of a tag-ttl of 2000 ms\n";
        CPPUNIT_ASSERT_MESSAGE(std::to_string(late), late < 2500); // and what a busy machine adds
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), origin->registry.count("GET", LoggedRequest::Kind::Manifests, 200));
    }

    void redisKilledAHundredTimesFailsNobody() {
        constexpr int Modules = 6;
        std::vector<std::string> modules;
        for (int i = 0; i < Modules; ++i) {
            modules.push_back(uniqueModule("storm " + std::to_string(i), 60000));
            origin->put("team/m" + std::to_string(i) + ":v1", istioArtifact(modules.back()));
        }
        start("tag-ttl = 300ms");
        std::atomic<bool> done{false};
        std::atomic<int> served{0}, failed{0};
        std::mutex mutex;
        std::string wrong;
        std::vector<std::thread> callers;
        for (std::size_t which = 0; which < replicas.size(); ++which)
            callers.emplace_back([&, which] {
                for (int i = 0; !done; i = (i + 1) % Modules) {
                    const auto answer = replicas[which]->fetch(reference("team/m" + std::to_string(i) + ":v1"));
                    if (answer.status == 200 && answer.body == modules[static_cast<std::size_t>(i)]) {
                        ++served;
                        continue;
                    }
                    ++failed;
                    const std::lock_guard<std::mutex> lock(mutex);
                    wrong = std::to_string(answer.status) + " " + answer.error + answer.body.substr(0, 300);
                }
            });
        int restarts = 0;
        for (; restarts < 100; ++restarts) {
            std::this_thread::sleep_for(milliseconds(40));
            redis->kill();
            std::this_thread::sleep_for(milliseconds(restarts % 10 == 0 ? 300 : 20));
            redis->start();
        }
        // Back for good, it is used again.
        const auto published = [&] {
            double sum = 0;
            for (const auto& each : replicas)
                sum += each->metric("wasm_proxy_shared_records_total{result=\"published\"}");
            return sum;
        };
        const auto before = published();
        for (int i = 0; i < 400 && published() == before; ++i)
            std::this_thread::sleep_for(milliseconds(100));
        const bool used = published() > before;
        done = true;
        for (auto& each : callers)
            each.join();
        std::cout << restarts << " restarts of Redis, " << served << " answers, " << failed << " failures\n";
        CPPUNIT_ASSERT_EQUAL_MESSAGE(wrong, 0, failed.load());
        CPPUNIT_ASSERT(served > 100);
        CPPUNIT_ASSERT_MESSAGE("Redis is not used any more" + logs(), used);
        double errors = 0;
        for (const auto& each : replicas)
            errors += each->metric("wasm_proxy_cache_errors_total{cache=\"shared\"}");
        CPPUNIT_ASSERT(errors > 0); // it was felt, and counted
    }

    void cachesInAnOrderThatMeansNothingAreRefused() {
        const auto refusal = [&](const std::string& caches) {
            try {
                const Proxy proxy(options(caches, "[cache.shared]\nplugin = redis\nurl = " + redis->url() + "\n"));
            } catch (const std::runtime_error& error) {
                return std::string(error.what());
            }
            return std::string("it started");
        };
        const auto first = refusal("shared, main");
        CPPUNIT_ASSERT_MESSAGE(first, first.find("pull.caches: the first one, shared, is shared") != std::string::npos);
        const auto missing = refusal("main, missing");
        CPPUNIT_ASSERT_MESSAGE(missing, missing.find("there is neither a [cache.missing]") != std::string::npos);
        auto large = options("hot, main", "[cache.hot]\nplugin = memory\nmax-bytes = 1MiB\ncapacity = 2MiB\n");
        try {
            const Proxy proxy(large);
            CPPUNIT_FAIL("it started");
        } catch (const std::runtime_error& error) {
            CPPUNIT_ASSERT_MESSAGE(error.what(),
                                   std::string(error.what()).find("raise cache.hot.max-bytes") != std::string::npos);
        }
    }

    void memoryAloneWritesNoContent() {
        const auto module = uniqueModule("in memory", 100000);
        origin->put("team/memory:v1", istioArtifact(module));
        Proxy proxy(options("hot", "[cache.hot]\nplugin = memory\nmax-bytes = 8MiB\n"));
        CPPUNIT_ASSERT(proxy.fetch(reference("team/memory:v1")).body == module);
        origin->registry.stop();
        CPPUNIT_ASSERT(proxy.fetch(reference("team/memory:v1")).body == module);
        CPPUNIT_ASSERT(!std::filesystem::exists(proxy.blobs())); // [cache.main] is not among `caches`
        const auto cache = proxy.admin("/api/v1/cache").body;
        CPPUNIT_ASSERT_MESSAGE(cache, cache.find("\"capacity\":6291456") != std::string::npos);
        origin->registry.start();
        proxy.terminate();
        proxy.start(); // knows the tag, has lost the content
        const auto again = proxy.fetch(reference("team/memory:v1"));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(again.body + proxy.log(), 200, again.status);
        CPPUNIT_ASSERT(again.body == module);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplicaScenarios);
