// SPDX-License-Identifier: Apache-2.0
// A server that is broken or means harm: it costs a StorageFault in time, never a crash nor memory without bound.
#include "RedisFixture.h"

#include "support/ExpectError.h"
#include "support/ScriptedServer.h"
#include "support/TemporaryFolder.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <functional>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Peer = ScriptedServer::Connection;

namespace {

/// The same answer to whatever comes.
ScriptedServer::Script always(const std::string& answer) {
    return [answer](Peer& peer) {
        while (!peer.receive().empty() && peer.send(answer)) {
        }
    };
}

/// The n-th answer to the n-th thing that comes, the last one again and again.
ScriptedServer::Script inTurn(std::vector<std::string> answers) {
    return [answers = std::move(answers)](Peer& peer) {
        for (std::size_t i = 0; !peer.receive().empty(); ++i)
            if (!peer.send(answers[std::min(i, answers.size() - 1)])) return;
    };
}

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

std::string urlOf(const ScriptedServer& server) {
    return "redis://127.0.0.1:" + std::to_string(server.port());
}

void expectFault(const std::string& name, const std::string& words, const std::function<void()>& action) {
    expectError(name, ErrorCode::StorageFault, words, action);
}

} // namespace

class HostileServerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HostileServerTest);
    CPPUNIT_TEST(whatIsNoReply);
    CPPUNIT_TEST(endlessReplies);
    CPPUNIT_TEST(repliesOfAnotherKind);
    CPPUNIT_TEST(closesInTheMiddle);
    CPPUNIT_TEST(slowBytes);
    CPPUNIT_TEST(listsThatDoNotEnd);
    CPPUNIT_TEST(piecesThatAreTooLong);
    CPPUNIT_TEST(errorsThatRepeatSecrets);
    CPPUNIT_TEST(aServerThatStarts);
    CPPUNIT_TEST_SUITE_END();

    void whatIsNoReply() {
        std::string nested;
        for (int i = 0; i < 200; ++i)
            nested += "*1\r\n";
        const std::vector<std::pair<std::string, std::string>> rows = {
            {"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak Redis' protocol"},
            {std::string("\x15\x03\x01\x00\x02\x02\x46", 7), "rediss://"},
            {std::string(5, '\0'), "does not speak"},
            {nested, "more than"},
            {"*2147483647\r\n", "more than"},
            {"*1073741824\r\n", "more than"},
            {"*4294967297\r\n", "does not speak"},
            {"*9223372036854775807\r\n", "does not speak"},
            {"*-2\r\n", "does not speak"},
            {"$-2\r\n", "does not speak"},
            {"$99999999999999999999\r\n", "does not speak"},
            {":99999999999999999999\r\n", ""},
            {":\r\n", ""},
            {"%1\r\n+a\r\n+b\r\n", "does not speak"}, // RESP3, which nobody asked for
            {"+OK\r\n+OK\r\n", "more than it was asked"},
            {"$0\r\n\r\n$0\r\n\r\n", "more than it was asked"}};
        for (const auto& [answer, words] : rows) {
            const ScriptedServer server(always(answer));
            const RedisBench bench(urlOf(server));
            const std::string name = answer.substr(0, 30);
            expectFault(name, words, [&] { bench.record("a"); });
            expectFault(name, words, [&] { bench.open(Digest::of("a")); });
            // A connection that said such a thing is not used again.
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, words.empty() ? server.accepted() : 2, server.accepted());
        }
    }

    void endlessReplies() {
        for (const std::string start : {"$536870912\r\n", "$9223372036854775807\r\n", "+", "-ERR ", ":1", "$1", "*"}) {
            std::atomic<std::size_t> sent{0};
            const ScriptedServer server([&](Peer& peer) {
                peer.receive();
                const std::string more(65536, '1');
                for (bool open = peer.send(start); open && sent < (256u << 20); sent += more.size())
                    open = peer.send(more);
            });
            const RedisBench bench(urlOf(server));
            expectFault(start, "", [&] { bench.record("a"); });
            CPPUNIT_ASSERT_MESSAGE(start + std::to_string(sent), sent < (64u << 20)); // the sockets' buffers
        }
    }

    void repliesOfAnotherKind() {
        for (const std::string answer : {":1\r\n", "*0\r\n", "*-1\r\n", "+OK\r\n", "$-1\r\n", "$3\r\nabc\r\n"}) {
            const ScriptedServer server(always(answer));
            const RedisBench bench(urlOf(server));
            Call call = RedisBench::call();
            const bool nil = answer == "$-1\r\n" || answer == "*-1\r\n";
            const bool text = answer[0] == '$' && !nil;
            const auto check = [&](const std::string& what, bool good, const std::function<void()>& action) {
                if (good)
                    action();
                else
                    expectFault(what + " " + answer, "something else", action);
            };
            check("record", nil || text, [&] { bench.record("a"); });
            check("open", nil || text, [&] { CPPUNIT_ASSERT(!bench.open(Digest::of("a"))); });
            check("put", answer[0] == '+', [&] { bench.shared->putRecord(call, "a", "b", seconds(1)); });
            check("unlink", answer[0] == ':', [&] { bench.shared->removeRecord(call, "a"); });
            check("lock", nil || answer[0] == '+', [&] { bench.shared->tryLock(call, "a", seconds(1)); });
            check("visit", false, [&] { bench.store->visit(call, [](const StoredBlob&) {}); });
            CPPUNIT_ASSERT_EQUAL(std::size_t(0), bench.host.lines().size()); // it does answer
        }
    }

    void closesInTheMiddle() {
        const std::string whole = "*2\r\n$1\r\n0\r\n*1\r\n" + bulk("wasm-proxy:blob:" + Digest::of("x").str());
        const ScriptedServer server([&](Peer& peer) {
            peer.receive();
            const auto length = static_cast<std::size_t>(peer.number - 1) / 2 % whole.size();
            peer.send(whole.substr(0, length));
            if (peer.number % 2) peer.reset();
        });
        for (std::size_t i = 0; i < 2 * whole.size() / 3; ++i) { // each bench uses three connections, then it waits
            const RedisBench bench(urlOf(server));
            for (int again = 0; again < 5; ++again) {
                Call call = RedisBench::call();
                expectFault("cut", "", [&] { bench.store->visit(call, [](const StoredBlob&) {}); });
            }
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), bench.host.lines().size());
        }
        CPPUNIT_ASSERT_EQUAL(static_cast<int>(2 * whole.size() / 3 * 3), server.accepted());
    }

    void slowBytes() {
        // A byte now and then, each in time: what counts is the whole.
        const ScriptedServer slow([](Peer& peer) {
            peer.receive();
            bool open = peer.send("$1000\r\n");
            while (open && peer.sleep(milliseconds(20)))
                open = peer.send("x");
        });
        const ScriptedServer deaf([](Peer& peer) { peer.sleep(seconds(60)); });
        for (const ScriptedServer* server : {&slow, &deaf}) {
            const RedisBench bench(urlOf(*server), {{"command-timeout", "150ms", ""}});
            const auto begun = Call::Clock::now();
            expectFault("slow", "no answer within 150 ms", [&] { bench.record("a"); });
            expectFault("slow", "no answer within 150 ms", [&] { bench.put(std::string(30000000, 'x')); });
            // A lock whose answer never came, and an ingest that cannot be discarded, hold nobody up either.
            Call call = RedisBench::call();
            expectFault("slow", "", [&] { bench.shared->tryLock(call, "a", seconds(1)); });
            CPPUNIT_ASSERT(Call::Clock::now() - begun < seconds(5));
        }
        // Shutting down ends a wait.
        std::atomic<bool> cancelled{false};
        const RedisBench bench(urlOf(deaf));
        Call call("test", Call::Clock::now() + seconds(60), &cancelled);
        std::thread stop([&] {
            std::this_thread::sleep_for(milliseconds(50));
            cancelled = true;
        });
        expectFault("cancelled", "shut down", [&] { bench.shared->record(call, "a"); });
        stop.join();
        CPPUNIT_ASSERT(bench.host.lines().empty());
    }

    void listsThatDoNotEnd() {
        std::atomic<int> number{0};
        const ScriptedServer server([&](Peer& peer) {
            for (std::string request = peer.receive(); !request.empty(); request = peer.receive()) {
                std::string answer = bulk("1 5 0123456789abcdef0123456789abcdef");
                if (request.find("SCAN") != std::string::npos)
                    answer = "*2\r\n$1\r\n7\r\n*2\r\n" + bulk("wasm-proxy:blob:" + Digest::of("x").str()) +
                             bulk("wasm-proxy:blob:" + Digest::of(std::to_string(++number)).str());
                else if (request.find("*2", 2) != std::string::npos)
                    answer += answer;
                if (!peer.send(answer)) return;
            }
        });
        const RedisBench bench(urlOf(server));
        Call call = RedisBench::call(milliseconds(300));
        int seen = 0;
        expectFault("scan", "the request's time was over",
                    [&] { bench.store->visit(call, [&](const StoredBlob&) { ++seen; }); });
        CPPUNIT_ASSERT(seen > 1 && seen <= number + 1);
        for (const std::string list :
             {"*2\r\n$1\r\n0\r\n*100000\r\n", "*3\r\n+0\r\n*0\r\n*0\r\n", "*2\r\n*0\r\n*0\r\n", "*2\r\n$-1\r\n*0\r\n",
              "*2\r\n$30\r\n000000000000000000000000000000\r\n*0\r\n", "*2\r\n$1\r\n0\r\n$1\r\n0\r\n"}) {
            const ScriptedServer odd(always(list));
            const RedisBench asking(urlOf(odd));
            Call work = RedisBench::call();
            expectFault(list, "", [&] { asking.store->visit(work, [](const StoredBlob&) { CPPUNIT_FAIL("none"); }); });
        }
        // Keys that are no text, or no digest, are passed over.
        const ScriptedServer odd(
            always("*2\r\n$1\r\n0\r\n*4\r\n:1\r\n$-1\r\n*0\r\n" + bulk("wasm-proxy:blob:sha256:x")));
        const RedisBench asking(urlOf(odd));
        Call work = RedisBench::call();
        asking.store->visit(work, [](const StoredBlob&) { CPPUNIT_FAIL("none"); });
    }

    void piecesThatAreTooLong() {
        const std::string head = bulk("1 5 0123456789abcdef0123456789abcdef");
        for (const std::string& piece : {bulk("sixsix"), bulk("four"), std::string("$-1\r\n"), std::string(":5\r\n"),
                                         std::string("*1\r\n+a\r\n"), bulk(std::string(100000, 'x'))}) {
            const ScriptedServer server(inTurn({head, piece}));
            const RedisBench bench(urlOf(server));
            const auto blob = bench.open(Digest::of("12345"));
            CPPUNIT_ASSERT(blob && blob->size() == 5);
            char buffer[100] = {};
            expectFault(piece.substr(0, 20), "", [&] { blob->read(0, buffer, sizeof buffer); });
            CPPUNIT_ASSERT_EQUAL('\0', buffer[0]);
        }
        // A content of 4 GiB, it says: nothing is allocated for that.
        const ScriptedServer server(inTurn({bulk("1 4290772992 0123456789abcdef0123456789abcdef"), bulk("x")}));
        const RedisBench bench(urlOf(server));
        const auto blob = bench.open(Digest::of("12345"));
        char byte = 0;
        expectFault("large", "dropped or changed", [&] { blob->read(4290772991, &byte, 1); });
    }

    void errorsThatRepeatSecrets() {
        const TemporaryFolder folder;
        const ScriptedServer server(
            always("-ERR unknown command 'AUTH', with args beginning with: 'proxy' 'opensesame' "
                   "\r\n"));
        const RedisBench bench(
            urlOf(server), {{"username", "proxy", ""}, {"password-file", folder.write("password", "opensesame"), ""}});
        for (int i = 0; i < 5; ++i)
            try {
                bench.record("a");
                CPPUNIT_FAIL("no error");
            } catch (const Error& error) {
                const std::string text = std::string(error.what()) + error.hint();
                CPPUNIT_ASSERT_MESSAGE(text, text.find("opensesame") == std::string::npos);
                CPPUNIT_ASSERT_MESSAGE(text, text.find("refuses the password (ERR)") != std::string::npos);
            }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), bench.host.lines().size()); // three times, then it is left alone
        CPPUNIT_ASSERT(!bench.host.logged("opensesame"));
        const ScriptedServer other(always("-ERR unknown command `SET`, with args beginning with: `the record`, \r\n"));
        const RedisBench asking(urlOf(other));
        Call call = RedisBench::call();
        try {
            asking.shared->putRecord(call, "a", "the record", seconds(1));
            CPPUNIT_FAIL("no error");
        } catch (const Error& error) {
            CPPUNIT_ASSERT(std::string(error.what()).find("the record") == std::string::npos);
        }
        const ScriptedServer odd(always("-\x1b[31mred\x7f\xff" + std::string(2000, 'x') + "\r\n"));
        const RedisBench odder(urlOf(odd));
        try {
            odder.record("a");
            CPPUNIT_FAIL("no error");
        } catch (const Error& error) {
            const std::string text = error.what();
            CPPUNIT_ASSERT(text.size() < 300 && text.find("?[31mred??") != std::string::npos);
        }
        // A primary that has become a replica: the name in `url` may lead to the new one by now.
        const ScriptedServer replica(always("-READONLY You can't write against a read only replica.\r\n"));
        const RedisBench demoted(urlOf(replica));
        for (int i = 1; i <= 5; ++i) {
            expectFault("replica", "must name the primary", [&] { demoted.record("a"); });
            CPPUNIT_ASSERT_EQUAL(i, replica.accepted());
        }
        CPPUNIT_ASSERT(demoted.host.lines().empty());
        const ScriptedServer cluster(always("-MOVED 3999 127.0.0.1:6381\r\n"));
        const RedisBench moved(urlOf(cluster));
        expectFault("moved", "Redis Cluster is not followed", [&] { moved.record("a"); });
    }

    void aServerThatStarts() {
        std::atomic<bool> ready{false};
        const ScriptedServer server([&](Peer& peer) {
            while (!peer.receive().empty())
                peer.send(ready ? "$-1\r\n" : "-LOADING Redis is loading the dataset in memory\r\n");
        });
        const RedisBench bench(urlOf(server));
        for (int i = 0; i < 10; ++i)
            expectFault("loading", "LOADING", [&] { bench.record("a"); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), bench.host.lines().size());
        ready = true;
        std::this_thread::sleep_for(milliseconds(650));
        CPPUNIT_ASSERT(!bench.record("a"));
        CPPUNIT_ASSERT(bench.host.logged("answers again"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HostileServerTest);
