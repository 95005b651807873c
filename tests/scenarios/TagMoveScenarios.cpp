// SPDX-License-Identifier: Apache-2.0
// A thousand times a tag means something else while many fetch it.
#include "Rig.h"

#include "support/Base64.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>

using namespace wasmproxy::test;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int Tags = 40;
constexpr int Rounds = 25; // each moves every tag: a thousand moves
constexpr int Modules = 52;
constexpr milliseconds TagTtl{100};
constexpr milliseconds BetweenRounds{300}; // long enough for each move to be seen

struct Meaning {
    int module;
    Clock::time_point begun; ///< the registry may say so from here
    Clock::time_point sure;  ///< and says nothing else from here
};

} // namespace

class TagMoveScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TagMoveScenarios);
    CPPUNIT_TEST(aThousandMovesUnderLoad);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { _upstream = std::make_unique<PrivateRegistry>(); }
    void tearDown() override { _upstream.reset(); }

private:
    std::unique_ptr<PrivateRegistry> _upstream; // made for each test: CppUnit keeps all fixtures from the start
    std::vector<std::string> _modules;
    std::vector<std::string> _manifests; ///< bytes
    std::map<std::string, int> _bySha;
    std::vector<std::string> _digests; ///< of the manifests
    mutable std::mutex _mutex;
    std::vector<std::vector<Meaning>> _history{Tags};
    std::string _failures;

    static int moduleOf(int tag, int round) { return (tag * 7 + round) % Modules; }
    std::string reference(int tag) const { return _upstream->registry.host() + "/team/moving:t" + std::to_string(tag); }

    void move(int tag, int module) {
        auto& history = _history[static_cast<std::size_t>(tag)];
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            history.push_back({module, Clock::now(), Clock::time_point::max()});
        }
        const auto answer = HttpClient(_upstream->registry.port())
                                .send("PUT", "/v2/team/moving/manifests/t" + std::to_string(tag),
                                      {{"Authorization", "Basic " + base64("robot:right")},
                                       {"Content-Type", "application/vnd.oci.image.manifest.v1+json"}},
                                      seconds(20), _manifests[static_cast<std::size_t>(module)]);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 201, answer.status);
        const std::lock_guard<std::mutex> lock(_mutex);
        history.back().sure = Clock::now();
    }

    /// Did the registry mean `module` by it at some moment from `from` to `until`?
    bool meant(int tag, int module, Clock::time_point from, Clock::time_point until) const {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto& history = _history[static_cast<std::size_t>(tag)];
        for (std::size_t i = 0; i < history.size(); ++i)
            if (history[i].module == module && history[i].begun <= until &&
                (i + 1 == history.size() || history[i + 1].sure >= from))
                return true;
        return false;
    }

    /// What is wrong with an answer; empty: nothing.
    std::string judge(int tag, const HttpAnswer& answer, Clock::time_point asked, Clock::time_point ended) const {
        const auto where = reference(tag) + ": ";
        if (answer.status != 200 || answer.cut) return where + std::to_string(answer.status) + answer.error;
        const auto known = _bySha.find(answer.header("X-Wasm-Sha256"));
        if (known == _bySha.end()) return where + "no module has the sha256 " + answer.header("X-Wasm-Sha256");
        const auto module = static_cast<std::size_t>(known->second);
        if (answer.body != _modules[module]) return where + "the body is not the one of its sha256";
        if (answer.header("Docker-Content-Digest") != _digests[module]) return where + "another module's manifest";
        if (answer.header("ETag") != "\"sha256:" + known->first + "\"") return where + "another module's ETag";
        if (answer.header("Content-Length") != std::to_string(_modules[module].size())) return where + "length";
        const bool stale = answer.header("X-Cache") == "STALE";
        // What is said to be stale may be older.
        if (!meant(tag, known->second, stale ? Clock::time_point() : asked - TagTtl, ended))
            return where + "older than tag-ttl, module " + std::to_string(known->second);
        return {};
    }

    void aThousandMovesUnderLoad() {
        for (int i = 0; i < Modules; ++i) {
            _modules.push_back(uniqueModule("moving " + std::to_string(i), 20000 + static_cast<std::size_t>(i) * 977));
            _bySha[sha256Hex(_modules.back())] = i;
            const auto tag = "m" + std::to_string(i);
            _digests.push_back(_upstream->put("team/moving:" + tag, istioArtifact(_modules.back())));
            const auto answer = HttpClient(_upstream->registry.port())
                                    .get("/v2/team/moving/manifests/" + tag,
                                         {{"Authorization", "Basic " + base64("robot:right")},
                                          {"Accept", "application/vnd.oci.image.manifest.v1+json"}});
            CPPUNIT_ASSERT_EQUAL(_digests.back(), "sha256:" + sha256Hex(answer.body));
            _manifests.push_back(answer.body);
        }
        for (int tag = 0; tag < Tags; ++tag)
            move(tag, moduleOf(tag, 0));
        Proxy::Options options{_upstream->registry.host()};
        options.route = "tag-ttl = " + std::to_string(TagTtl.count()) + "ms";
        Proxy proxy(options);

        std::atomic<bool> ending{false};
        std::atomic<int> answers{0}, stale{0}, changes{0};
        std::vector<std::thread> clients;
        for (int i = 0; i < 8; ++i)
            clients.emplace_back([&, i] {
                std::map<int, std::string> last;
                for (int tag = i * 5; !ending; tag = (tag + 1) % Tags) {
                    const auto asked = Clock::now();
                    const auto answer = proxy.fetch(reference(tag));
                    const auto wrong = judge(tag, answer, asked, Clock::now());
                    ++answers;
                    stale += answer.header("X-Cache") == "STALE";
                    const auto sha = answer.header("X-Wasm-Sha256");
                    changes += !last[tag].empty() && last[tag] != sha;
                    last[tag] = sha;
                    if (wrong.empty()) continue;
                    const std::lock_guard<std::mutex> lock(_mutex);
                    _failures += wrong + "\n";
                }
            });
        for (int round = 1; round <= Rounds; ++round) {
            const auto next = Clock::now() + BetweenRounds;
            for (int tag = 0; tag < Tags; ++tag)
                move(tag, moduleOf(tag, round));
            std::this_thread::sleep_until(next);
        }
        ending = true;
        for (auto& client : clients)
            client.join();
        CPPUNIT_ASSERT_MESSAGE(_failures.substr(0, 4000), _failures.empty());

        std::this_thread::sleep_for(TagTtl);
        for (int tag = 0; tag < Tags; ++tag) {
            const auto answer = proxy.fetch(reference(tag));
            if (answer.header("X-Cache") == "STALE") continue; // see below
            CPPUNIT_ASSERT_EQUAL(_digests[static_cast<std::size_t>(moduleOf(tag, Rounds))],
                                 answer.header("Docker-Content-Digest"));
        }
        const auto moves = proxy.metric("wasm_proxy_tag_moves_total");
        std::cout << "1000 tag moves, 8 clients: " << answers << " answers, " << changes << " of them new to a client, "
                  << stale << " stale; " << moves << " moves seen\n";
        CPPUNIT_ASSERT(answers > 1000);
        // docker-registry now and then answers 500 of a tag that is being written.
        CPPUNIT_ASSERT(stale * 20 < answers);
        CPPUNIT_ASSERT(moves > 500 && moves <= 1000);
        const auto body = proxy.admin("/api/v1/events?limit=1000").body;
        const auto events = Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>();
        CPPUNIT_ASSERT_EQUAL(static_cast<int>(moves), events->getValue<int>("total"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TagMoveScenarios);
