// SPDX-License-Identifier: Apache-2.0
#include "KubeFixture.h"

namespace wasmproxy::test {
namespace {

const ApiResource Things{"example.org", "v1", "ns", "things"};

WatchTiming quick() {
    WatchTiming timing;
    timing.firstDelay = 20ms;
    timing.longestDelay = 100ms;
    timing.relist = 20ms;
    timing.poll = 100ms;
    timing.nudge = 10ms;
    timing.answer = 3000ms;
    return timing;
}

class WatchTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(WatchTest);
    CPPUNIT_TEST(seesWhatHappens);
    CPPUNIT_TEST(row19ReadsPiecesOfAnySize);
    CPPUNIT_TEST(isCutAnywhere);
    CPPUNIT_TEST(row19ListsAgainAfterAnExpiredVersion);
    CPPUNIT_TEST(listsAgainAfterAnExpiredContinue);
    CPPUNIT_TEST(row19GoesOnFromABookmark);
    CPPUNIT_TEST(row19WatchesAgainAfterASilentEnd);
    CPPUNIT_TEST(doesNotHammerWhenWatchesEndAtOnce);
    CPPUNIT_TEST(outlivesAnOutage);
    CPPUNIT_TEST(waitsAsLongAsItIsTold);
    CPPUNIT_TEST(listsAgainWhenTheVersionIsTooLarge);
    CPPUNIT_TEST(listsAgainAfterGarbage);
    CPPUNIT_TEST(pollsWhereItMayNotWatch);
    CPPUNIT_TEST(pollsWhereItMayOnlyGet);
    CPPUNIT_TEST(aPassingRefusalIsForgotten);
    CPPUNIT_TEST(theLeastRoleIsEnough);
    CPPUNIT_TEST(isNudgedOutOfADelay);
    CPPUNIT_TEST(stopsAtOnce);
    CPPUNIT_TEST_SUITE_END();

public:
    void seesWhatHappens() {
        put("a", "1");
        put("b", "1");
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}, {"b", "1"}}));
        put("a", "2");
        put("c", "1");
        _cluster.api.remove("things", "ns", "b");
        _cluster.api.put("things", "elsewhere", "d", "{}");
        CPPUNIT_ASSERT(_seen.await({{"a", "2"}, {"c", "1"}}));
        CPPUNIT_ASSERT_EQUAL(1, _cluster.api.requests("list"));
        CPPUNIT_ASSERT_EQUAL(1, _cluster.api.requests("watch"));
        const std::string path = _cluster.api.paths().back();
        CPPUNIT_ASSERT_MESSAGE(path, path.find("allowWatchBookmarks=true") != std::string::npos);
        const int timeout = std::stoi(path.substr(path.find("timeoutSeconds=") + 15));
        CPPUNIT_ASSERT(timeout >= 300 && timeout <= 600);
        CPPUNIT_ASSERT(_cluster.services.lines().empty());
    }

    void row19ReadsPiecesOfAnySize() {
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({}));
        for (std::size_t size : {1, 2, 3, 7, 64}) {
            KubeApi::Faults faults;
            faults.chunk = size;
            _cluster.api.setFaults(faults);
            const std::string value = "{\\\"}[" + std::to_string(size) + "é";
            put("a", value);
            CPPUNIT_ASSERT_MESSAGE(std::to_string(size), _seen.await({{"a", "{\"}[" + std::to_string(size) + "é"}}));
        }
        CPPUNIT_ASSERT_EQUAL(1, _cluster.api.requests("watch"));
    }

    /// Wherever the stream breaks, all that happened is seen, once it goes on.
    void isCutAnywhere() {
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({}));
        int round = 0;
        for (long cut = 0; cut < 160; cut += 7) {
            CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
            KubeApi::Faults faults;
            faults.cutAfter = cut;
            _cluster.api.setFaults(faults);
            const int watches = _cluster.api.requests("watch");
            put("a", std::to_string(++round));
            const auto end = std::chrono::steady_clock::now() + 5s;
            while (_cluster.api.requests("watch") == watches && std::chrono::steady_clock::now() < end)
                std::this_thread::sleep_for(2ms);
            _cluster.api.setFaults({});
            CPPUNIT_ASSERT_MESSAGE(std::to_string(cut), _seen.await({{"a", std::to_string(round)}}));
            _cluster.api.endWatches(); // the next one's bytes are counted from none
        }
        CPPUNIT_ASSERT_EQUAL(1, _seen.lists()); // nothing was lost, so nothing was listed again
    }

    void row19ListsAgainAfterAnExpiredVersion() {
        put("a", "1");
        put("b", "1");
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}, {"b", "1"}}));
        for (const bool byEvent : {true, false}) {
            const int lists = _seen.lists();
            KubeApi::Faults faults;
            faults.expireByEvent = byEvent;
            _cluster.api.setFaults(faults);
            CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
            // Both happen where no watch sees them: what is not in the list is gone.
            _cluster.api.goAway();
            _cluster.api.remove("things", "ns", byEvent ? "a" : "c");
            put(byEvent ? "c" : "d", "1");
            _cluster.api.forgetHistory();
            _cluster.api.comeBack();
            CPPUNIT_ASSERT(_seen.await(byEvent ? Recorder::Objects{{"b", "1"}, {"c", "1"}}
                                               : Recorder::Objects{{"b", "1"}, {"d", "1"}}));
            CPPUNIT_ASSERT_EQUAL(lists + 1, _seen.lists());
        }
    }

    void listsAgainAfterAnExpiredContinue() {
        KubeApi::Faults faults;
        faults.page = 1;
        faults.expireContinue = true;
        _cluster.api.setFaults(faults);
        put("a", "1");
        put("b", "1");
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}, {"b", "1"}}));
        CPPUNIT_ASSERT_EQUAL(0, _seen.failures());
    }

    void row19GoesOnFromABookmark() {
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
        _cluster.api.put("others", "ns", "x", "{}"); // moves the version on, and this watch sees nothing of it
        KubeApi::Faults faults;
        faults.bookmarks = 20ms;
        _cluster.api.setFaults(faults);
        std::this_thread::sleep_for(200ms);
        _cluster.api.endWatches();
        const auto end = std::chrono::steady_clock::now() + 5s;
        while (_cluster.api.requests("watch") < 2 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(5ms);
        const std::string path = _cluster.api.paths().back();
        CPPUNIT_ASSERT_MESSAGE(path, path.find("resourceVersion=1001&") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(1, _seen.lists());
    }

    void row19WatchesAgainAfterASilentEnd() {
        put("a", "1");
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        for (int i = 2; i < 6; ++i) {
            CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
            _cluster.api.endWatches();
            put("a", std::to_string(i));
            CPPUNIT_ASSERT(_seen.await({{"a", std::to_string(i)}}));
        }
        CPPUNIT_ASSERT_EQUAL(1, _seen.lists());
        CPPUNIT_ASSERT_EQUAL(0, _seen.failures());
    }

    void doesNotHammerWhenWatchesEndAtOnce() {
        KubeApi::Faults faults;
        faults.endAtOnce = true;
        _cluster.api.setFaults(faults);
        auto timing = quick();
        timing.longestDelay = 200ms;
        Watch watch(_cluster.client, Things, {}, _seen, timing);
        watch.start();
        CPPUNIT_ASSERT(_seen.await({}));
        std::this_thread::sleep_for(1s);
        const int watches = _cluster.api.requests("watch");
        CPPUNIT_ASSERT_MESSAGE(std::to_string(watches), watches >= 3 && watches <= 12);
        _cluster.api.setFaults({});
        put("a", "1");
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}}));
    }

    void outlivesAnOutage() {
        put("a", "1");
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}}));
        _cluster.api.goAway();
        CPPUNIT_ASSERT(_seen.awaitFailures(3));
        CPPUNIT_ASSERT(_seen.known() == (Recorder::Objects{{"a", "1"}}));
        put("a", "2");
        _cluster.api.comeBack();
        CPPUNIT_ASSERT(_seen.await({{"a", "2"}}));
        const auto lines = _cluster.services.lines(); // one for either end of it
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), lines.size());
        CPPUNIT_ASSERT_MESSAGE(lines[0].text, lines[0].text.find("stays in force") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("the API server gives things.example.org of namespace ns again"),
                             lines[1].text);
        CPPUNIT_ASSERT_EQUAL(1, _seen.lists());
    }

    void waitsAsLongAsItIsTold() {
        KubeApi::Faults faults;
        faults.status = 429;
        faults.retryAfter = "1";
        _cluster.api.setFaults(faults);
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.awaitFailures(1));
        for (int i = 0; i < 8; ++i) {
            watch.nudge();
            std::this_thread::sleep_for(50ms);
        }
        CPPUNIT_ASSERT_EQUAL(1, _cluster.api.requests("list"));
        _cluster.api.setFaults({});
        CPPUNIT_ASSERT(_seen.await({}));
    }

    void listsAgainWhenTheVersionIsTooLarge() {
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        KubeApi::Faults faults;
        faults.watchStatus = 504;
        _cluster.api.setFaults(faults);
        watch.start();
        CPPUNIT_ASSERT(_seen.awaitLists(3));
        _cluster.api.setFaults({});
        put("a", "1");
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}}));
    }

    void listsAgainAfterGarbage() {
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({}));
        int value = 0;
        for (const char* garbage : {"<html>", "{\"type\":\"ADDED\"}", "{\"a\":1,}", "{\"type\":7,\"object\":{}}"}) {
            CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
            KubeApi::Faults faults;
            faults.garbage = garbage;
            _cluster.api.setFaults(faults);
            const int failures = _seen.failures();
            put("a", std::to_string(++value));
            CPPUNIT_ASSERT_MESSAGE(garbage, _seen.await({{"a", std::to_string(value)}}));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(garbage, failures + 1, _seen.failures());
        }
    }

    void pollsWhereItMayNotWatch() {
        _cluster.api.allow("list", "things");
        put("a", "1");
        Watch watch(_cluster.client, Things, {}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}}));
        put("a", "2");
        CPPUNIT_ASSERT(_seen.await({{"a", "2"}}));
        _cluster.api.remove("things", "ns", "a");
        CPPUNIT_ASSERT(_seen.await({}));
        CPPUNIT_ASSERT(_seen.awaitLists(5));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _cluster.services.lines().size());
        CPPUNIT_ASSERT(_cluster.services.logged("verbs: [get, list, watch]"));
        _cluster.api.allow("watch", "things");
        CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
    }

    void pollsWhereItMayOnlyGet() {
        _cluster.api.allow("get", "things", "a");
        Watch watch(_cluster.client, Things, {"a", {}, {}}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({}));
        put("a", "1");
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}}));
        put("a", "2");
        CPPUNIT_ASSERT(_seen.await({{"a", "2"}}));
        _cluster.api.forbidAll();
        CPPUNIT_ASSERT(_seen.awaitFailures(2));
        CPPUNIT_ASSERT(_seen.known() == (Recorder::Objects{{"a", "2"}}));
        CPPUNIT_ASSERT_MESSAGE(_seen.lastFailure(), _seen.lastFailure().find("403 Forbidden") != std::string::npos);
    }

    /// What kube-apiserver does until it has read its Roles after a restart.
    void aPassingRefusalIsForgotten() {
        auto timing = quick();
        timing.poll = 60s;
        Watch watch(_cluster.client, Things, {}, _seen, timing);
        watch.start();
        CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
        KubeApi::Faults faults;
        faults.watchStatus = 403;
        _cluster.api.setFaults(faults);
        _cluster.api.endWatches();
        CPPUNIT_ASSERT(_seen.awaitLists(2));
        _cluster.api.setFaults({});
        CPPUNIT_ASSERT(_cluster.api.awaitWatches(1, 2000ms));
        put("a", "1");
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}}));
        CPPUNIT_ASSERT(_cluster.services.lines().empty());
    }

    void theLeastRoleIsEnough() {
        for (const char* verb : {"get", "list", "watch"})
            _cluster.api.allow(verb, "things", "a");
        put("a", "1");
        put("b", "1");
        Watch watch(_cluster.client, Things, {"a", {}, {}}, _seen, quick());
        watch.start();
        CPPUNIT_ASSERT(_seen.await({{"a", "1"}}));
        put("a", "2");
        CPPUNIT_ASSERT(_seen.await({{"a", "2"}}));
        CPPUNIT_ASSERT(_cluster.services.lines().empty());
    }

    void isNudgedOutOfADelay() {
        _cluster.api.forbidAll();
        auto timing = quick();
        timing.firstDelay = timing.longestDelay = 60s;
        Watch watch(_cluster.client, Things, {}, _seen, timing);
        watch.start();
        CPPUNIT_ASSERT(_seen.awaitFailures(1));
        _cluster.api.allowEverything();
        std::this_thread::sleep_for(50ms); // it sleeps by now
        watch.nudge();
        CPPUNIT_ASSERT(_seen.await({}));
    }

    void stopsAtOnce() {
        const auto begun = std::chrono::steady_clock::now();
        {
            Watch watch(_cluster.client, Things, {}, _seen, quick());
            watch.start();
            CPPUNIT_ASSERT(_cluster.api.awaitWatches(1));
        }
        {
            auto timing = quick();
            timing.firstDelay = timing.longestDelay = 60s;
            Recorder other;
            _cluster.api.forbidAll();
            Watch watch(_cluster.client, Things, {}, other, timing);
            watch.start();
            CPPUNIT_ASSERT(other.awaitFailures(1));
        }
        { Watch never(_cluster.client, Things, {}, _seen, quick()); }
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < 2s);
    }

private:
    void put(const std::string& name, const std::string& value) {
        _cluster.api.put("things", "ns", name, R"({"value":")" + value + "\"}");
    }

    Cluster _cluster;
    Recorder _seen;
};

CPPUNIT_TEST_SUITE_REGISTRATION(WatchTest);

} // namespace
} // namespace wasmproxy::test
