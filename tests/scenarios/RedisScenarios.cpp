// SPDX-License-Identifier: Apache-2.0
// Replicas that share a Redis as it is meant to be run, with TLS and an ACL user, and what becomes of cold requests
// when it goes.
#include "Rig.h"

#include "support/Certificate.h"
#include "support/RedisInstance.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Requests of several threads and how they went.
class Tally {
public:
    void add(const HttpAnswer& answer, const std::string& expected, const std::string& what) {
        const std::lock_guard<std::mutex> guard(_mutex);
        _seconds.push_back(answer.seconds);
        if (answer.status == 200 && answer.body == expected) return;
        ++_failed;
        if (_failures.size() < 2000)
            _failures +=
                what + ": " + std::to_string(answer.status) + " " + answer.error + answer.body.substr(0, 200) + "\n";
    }
    std::size_t count() const { return _seconds.size(); }
    int failed() const { return _failed; }
    const std::string& failures() const { return _failures; }
    std::string times() {
        if (_seconds.empty()) return "none";
        std::sort(_seconds.begin(), _seconds.end());
        const auto at = [&](double part) {
            const auto place = static_cast<std::size_t>(part * static_cast<double>(_seconds.size() - 1));
            return std::to_string(static_cast<int>(1000 * _seconds[place])) + " ms";
        };
        return std::to_string(_seconds.size()) + " requests, median " + at(0.5) + ", p99 " + at(0.99) + ", longest " +
               at(1);
    }

private:
    std::mutex _mutex;
    std::vector<double> _seconds;
    std::string _failures;
    int _failed = 0;
};

} // namespace

class RedisScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RedisScenarios);
    CPPUNIT_TEST(killedAndRestartedAHundredTimes);
    CPPUNIT_TEST(oneThatHangsDelaysAColdRequestOnly);
    CPPUNIT_TEST_SUITE_END();

    TemporaryFolder _folder;
    std::string _authority;
    std::string _password;

    /// As config/examples/redis.ini tells to set it up.
    std::unique_ptr<RedisInstance> secured() {
        const Certificate certificate({"localhost"});
        RedisInstance::Options options;
        options.certificate = _authority = _folder.write("redis.pem", certificate.pem());
        options.key = _folder.write("redis.key", certificate.keyPem());
        _password = _folder.write("password", "opensesame\n");
        options.lines = "user default off\nuser wasm-proxy on >opensesame resetkeys ~wasm-proxy:* -@all " +
                        rightsInTheExample() + "\n";
        return std::make_unique<RedisInstance>(options);
    }
    static std::string rightsInTheExample() {
        const auto text = readFile(SOURCE_ROOT "/config/examples/redis.ini");
        const std::string before = "~wasm-proxy:* -@all ";
        const auto at = text.find(before);
        CPPUNIT_ASSERT(at != std::string::npos);
        return text.substr(at + before.size(), text.find('\n', at) - at - before.size());
    }
    Proxy::Options replica(const PrivateRegistry& upstream, const RedisInstance& redis) const {
        Proxy::Options options{upstream.registry.host()};
        options.pull = "caches = main, shared";
        options.more = "[cache.shared]\nplugin = redis\nurl = " + redis.url("localhost") +
                       "/0\nca-file = " + _authority + "\nusername = wasm-proxy\npassword-file = " + _password + "\n";
        return options;
    }

    static int countOf(const std::string& text, const std::string& part) {
        int count = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++count;
        return count;
    }

    void killedAndRestartedAHundredTimes() {
        constexpr int Kills = 100;
        const auto redis = secured();
        PrivateRegistry upstream;
        const auto host = upstream.registry.host();
        std::map<std::string, std::string> hotModules;
        for (const std::string name : {"team/a:v1", "team/b:v1", "team/c:v1"}) {
            hotModules[name] = uniqueModule(name, 40000);
            upstream.put(name, istioArtifact(hotModules[name]));
        }
        Proxy one(replica(upstream, *redis));
        Proxy two(replica(upstream, *redis));
        Tally hot, cold;
        std::atomic<bool> over{false};
        std::vector<std::thread> clients;
        for (const Proxy* proxy : {&one, &two})
            clients.emplace_back([&, proxy] {
                while (!over)
                    for (const auto& [name, module] : hotModules) {
                        hot.add(proxy->fetch(host + "/" + name), module, name);
                        std::this_thread::sleep_for(milliseconds(5));
                    }
            });
        int pushed = 0;
        clients.emplace_back([&] {
            for (; !over; ++pushed) {
                const auto name = "team/cold" + std::to_string(pushed) + ":v1";
                // Some of several pieces in Redis.
                const auto module = uniqueModule(name, pushed % 8 == 0 ? 2500000 : 3000);
                upstream.put(name, istioArtifact(module));
                for (const Proxy* proxy : {&one, &two})
                    cold.add(proxy->fetch(host + "/" + name), module, name);
            }
        });
        for (int i = 0; i < Kills; ++i) {
            std::this_thread::sleep_for(milliseconds(50 + 37 * i % 150));
            redis->kill();
            std::this_thread::sleep_for(milliseconds(20 + 53 * i % 130));
            redis->start();
        }
        // Where it is left alone for a while, until that is over.
        const auto away = [](const Proxy& proxy) {
            const auto log = proxy.log();
            return countOf(log, "it is left alone for") - countOf(log, "answers again, after");
        };
        const auto begun = std::chrono::steady_clock::now();
        while (away(one) + away(two) > 0 && std::chrono::steady_clock::now() - begun < seconds(60))
            std::this_thread::sleep_for(milliseconds(100));
        over = true;
        for (auto& client : clients)
            client.join();
        const int opened = countOf(one.log(), "it is left alone for") + countOf(two.log(), "it is left alone for");
        std::cout << Kills << " kills of redis-server: " << hot.failed() + cold.failed() << " failed requests; hot "
                  << hot.times() << "; cold " << cold.times() << "; the breakers opened " << opened << " times\n";
        CPPUNIT_ASSERT_MESSAGE(hot.failures() + cold.failures(), hot.failed() + cold.failed() == 0);
        CPPUNIT_ASSERT(hot.count() > 500 && cold.count() > 50);
        CPPUNIT_ASSERT(opened > 0);
        CPPUNIT_ASSERT_EQUAL(0, away(one) + away(two));

        // And it is of use again: what one replica pulls, the other has without the registry.
        const auto module = uniqueModule("after", 2500000);
        upstream.put("team/after:v1", istioArtifact(module));
        const auto published = [&] { return one.metric("wasm_proxy_shared_records_total{result=\"published\"}"); };
        const double before = published();
        CPPUNIT_ASSERT_EQUAL(200, one.fetch(host + "/team/after:v1").status);
        for (int i = 0; i < 200 && published() == before; ++i)
            std::this_thread::sleep_for(milliseconds(50));
        upstream.registry.stop();
        const auto answer = two.fetch(host + "/team/after:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(two.log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
    }

    void oneThatHangsDelaysAColdRequestOnly() {
        const auto redis = secured();
        PrivateRegistry upstream;
        const auto host = upstream.registry.host();
        const auto module = uniqueModule("hot", 40000);
        upstream.put("team/hot:v1", istioArtifact(module));
        Proxy proxy(replica(upstream, *redis));
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(host + "/team/hot:v1").status);
        redis->pause();
        Tally hot, cold;
        for (int i = 0; i < 3; ++i) {
            const auto name = "team/cold" + std::to_string(i) + ":v1";
            const auto other = uniqueModule(name);
            upstream.put(name, istioArtifact(other));
            std::thread meanwhile([&] {
                for (int again = 0; again < 50; ++again)
                    hot.add(proxy.fetch(host + "/team/hot:v1"), module, "hot");
            });
            cold.add(proxy.fetch(host + "/" + name), other, name);
            meanwhile.join();
        }
        redis->resume();
        std::cout << "redis-server stopped: hot " << hot.times() << "; cold " << cold.times() << "\n";
        CPPUNIT_ASSERT_MESSAGE(hot.failures() + cold.failures(), hot.failed() + cold.failed() == 0);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisScenarios);
