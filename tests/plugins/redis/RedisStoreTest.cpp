// SPDX-License-Identifier: Apache-2.0
// Against a real redis-server.
#include "RedisFixture.h"

#include "support/Certificate.h"
#include "support/ExpectError.h"
#include "support/RedisInstance.h"
#include "wasmproxy/testing/CacheStoreSuite.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <sstream>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// What docs and the Kubernetes example tell an operator to grant.
constexpr const char* Rights = "resetkeys ~wasm-proxy:* -@all +get +set +pexpire +unlink +scan +eval +select";

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    return bytes;
}

} // namespace

class RedisStoreTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RedisStoreTest);
    CPPUNIT_TEST(keepsTheContractOfACacheStore);
    CPPUNIT_TEST(keepsItOverTlsAsAnAclUserWithTheseRights);
    CPPUNIT_TEST(records);
    CPPUNIT_TEST(aLockIsHeldByOne);
    CPPUNIT_TEST(aLockThatExpiredIsNotTakenFromAnother);
    CPPUNIT_TEST(aLockThatIsRenewedStays);
    CPPUNIT_TEST(twoStoresShareContents);
    CPPUNIT_TEST(nothingStaysForEver);
    CPPUNIT_TEST(piecesThatRedisDroppedAreAMiss);
    CPPUNIT_TEST(aRestartIsAMissAndOneLine);
    CPPUNIT_TEST(aPausedServerCostsOneTimeout);
    CPPUNIT_TEST(aPasswordThatChanges);
    CPPUNIT_TEST(certificatesAreVerified);
    CPPUNIT_TEST(otherProgramsKeysAreLeftAlone);
    CPPUNIT_TEST(aFullServerRefusesAndSaysSo);
    CPPUNIT_TEST(manyThreadsShareFewConnections);
    CPPUNIT_TEST_SUITE_END();

    static void suite(RedisBench& bench, const std::string& url, std::vector<KeyValue> more) {
        more.push_back({"url", url, ""});
        bench.store.reset();
        testing::CacheStoreOptions options;
        options.bigBlob = 8u << 20;
        for (const auto& finding : testing::checkCacheStore(
                 [&](HostServices& host) { return std::make_unique<redis::RedisStore>(host, redisSettings(more)); },
                 bench.host, options))
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }

    void keepsTheContractOfACacheStore() {
        const RedisInstance redis;
        RedisBench bench(redis.url() + "/3");
        suite(bench, redis.url() + "/3", {});
        CPPUNIT_ASSERT_EQUAL(std::string("\n"), redis.cli({"--scan", "--pattern", "*blob:*"}) + "\n");
        CPPUNIT_ASSERT(bench.host.lines().empty());
    }

    void keepsItOverTlsAsAnAclUserWithTheseRights() {
        const TemporaryFolder folder;
        const Certificate authority({"redis.test authority"});
        const Certificate server({"localhost", "127.0.0.1"}, authority);
        const Certificate client({"wasm-proxy"}, authority);
        RedisInstance::Options options;
        options.certificate = folder.write("server.pem", server.pem());
        options.key = folder.write("server.key", server.keyPem());
        options.clientAuthority = folder.write("ca.pem", authority.pem());
        options.lines = std::string("user default off\nuser proxy on >opensesame ") + Rights + "\n";
        const RedisInstance redis(options);
        const std::vector<KeyValue> settings{{"username", "proxy", ""},
                                             {"password-file", folder.write("password", "opensesame\n"), ""},
                                             {"ca-file", options.clientAuthority, ""},
                                             {"client-certificate", folder.write("client.pem", client.pem()), ""},
                                             {"client-key", folder.write("client.key", client.keyPem()), ""}};
        const std::string url = redis.url("localhost") + "/1";
        RedisBench bench(url, settings);
        Call call = RedisBench::call();
        bench.shared->putRecord(call, "tag:a", "value", seconds(60));
        CPPUNIT_ASSERT_EQUAL(std::string("value"), *bench.record("tag:a"));
        bench.shared->removeRecord(call, "tag:a");
        {
            const auto lock = bench.shared->tryLock(call, "pull:a", seconds(60));
            CPPUNIT_ASSERT(lock && !bench.shared->tryLock(call, "pull:a", seconds(60)));
        }
        CPPUNIT_ASSERT(bench.shared->tryLock(call, "pull:a", seconds(60)) != nullptr); // so EVAL is allowed, too
        suite(bench, url, settings);
        CPPUNIT_ASSERT(bench.host.lines().empty());
    }

    void records() {
        const RedisInstance redis;
        const RedisBench bench(redis.url());
        Call call = RedisBench::call();
        CPPUNIT_ASSERT(!bench.record("a"));
        const std::string odd("\0\r\n$-1\r\n\xff", 9);
        for (const std::string& value : {std::string("one"), odd, std::string(), pattern(SharedStore::MaxRecord)}) {
            bench.shared->putRecord(call, "a", value, seconds(100));
            CPPUNIT_ASSERT(bench.record("a") == value);
        }
        const int left = std::stoi(redis.cli({"TTL", "wasm-proxy:record:a"}));
        CPPUNIT_ASSERT(left > 90 && left <= 100);
        bench.shared->removeRecord(call, "a");
        bench.shared->removeRecord(call, "a");
        CPPUNIT_ASSERT(!bench.record("a"));
        bench.shared->putRecord(call, "b", "short", seconds(1));
        bench.shared->putRecord(call, "c", "long", seconds::max());
        bench.shared->putRecord(call, "d", "over", seconds(0));
        std::this_thread::sleep_for(milliseconds(1100));
        CPPUNIT_ASSERT(!bench.record("b") && bench.record("c") && !bench.record("d"));

        const auto refused = [&](const std::string& name, const std::string& words, const auto& action) {
            expectError(name, ErrorCode::StorageFault, words, action);
        };
        refused("large", "65536",
                [&] { bench.shared->putRecord(call, "a", std::string(SharedStore::MaxRecord + 1, 'x'), seconds(1)); });
        for (const std::string& key : {std::string(), std::string("a b"), std::string("a\r\nFLUSHALL"),
                                       std::string(SharedStore::MaxKey + 1, 'k'), std::string("\xc3\xa4")})
            refused("key " + key, "printable", [&] { bench.record(key); });
        const std::string longest(SharedStore::MaxKey, 'k');
        bench.shared->putRecord(call, longest, "v", seconds(10));
        CPPUNIT_ASSERT(bench.record(longest));

        // Larger than a record can be: somebody else wrote it. It is not read, and the next request works.
        redis.cli({"SETRANGE", "wasm-proxy:record:large", "10000000", "x"});
        refused("others' record", "more than", [&] { bench.record("large"); });
        redis.cli({"LPUSH", "wasm-proxy:record:list", "x"});
        refused("others' type", "WRONGTYPE", [&] { bench.record("list"); });
        CPPUNIT_ASSERT(bench.record(longest));
    }

    void aLockIsHeldByOne() {
        const RedisInstance redis;
        const RedisBench one(redis.url());
        const RedisBench two(redis.url());
        Call call = RedisBench::call();
        CPPUNIT_ASSERT(one.shared->canLock());
        auto lock = one.shared->tryLock(call, "flight", seconds(30));
        CPPUNIT_ASSERT(lock);
        CPPUNIT_ASSERT(!two.shared->tryLock(call, "flight", seconds(30)));
        CPPUNIT_ASSERT(two.shared->tryLock(call, "other", seconds(30)));
        lock.reset();
        lock = two.shared->tryLock(call, "flight", seconds(30));
        CPPUNIT_ASSERT(lock);

        // Many who want one turn: never two at a time.
        std::atomic<int> inside{0}, turns{0}, broken{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&, i] {
                const RedisBench& bench = i % 2 ? one : two;
                for (int round = 0; round < 25; ++round) {
                    Call work = RedisBench::call();
                    const auto turn = bench.shared->tryLock(work, "turn", seconds(30));
                    if (!turn) continue;
                    broken += ++inside != 1;
                    ++turns;
                    --inside;
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(0, broken.load());
        CPPUNIT_ASSERT(turns > 0);

        const RedisBench none(redis.url(), {{"locks", "false", ""}});
        CPPUNIT_ASSERT(!none.shared->canLock());
        expectError("off", ErrorCode::StorageFault, "locks = false",
                    [&] { none.shared->tryLock(call, "flight", seconds(1)); });
    }

    void aLockThatExpiredIsNotTakenFromAnother() {
        RedisInstance redis;
        const RedisBench bench(redis.url());
        Call call = RedisBench::call();
        auto first = bench.shared->tryLock(call, "flight", milliseconds(50));
        CPPUNIT_ASSERT(first);
        std::this_thread::sleep_for(milliseconds(80));
        const auto second = bench.shared->tryLock(call, "flight", seconds(30));
        CPPUNIT_ASSERT(second);
        first.reset();
        CPPUNIT_ASSERT(!bench.shared->tryLock(call, "flight", seconds(30)));
        auto third = bench.shared->tryLock(call, "other", seconds(30));
        redis.kill();
        third.reset(); // nothing is thrown
    }

    void aLockThatIsRenewedStays() {
        RedisInstance redis;
        const RedisBench bench(redis.url());
        Call call = RedisBench::call();
        const auto lock = bench.shared->tryLock(call, "flight", milliseconds(1500));
        CPPUNIT_ASSERT(lock && lock->renew(call, seconds(60)));
        CPPUNIT_ASSERT(std::stoi(redis.cli({"PTTL", "wasm-proxy:lock:flight"})) > 50000);
        CPPUNIT_ASSERT(lock->renew(call, milliseconds(50)));
        std::this_thread::sleep_for(milliseconds(80));
        CPPUNIT_ASSERT(!lock->renew(call, seconds(60))); // it was over
        const auto another = bench.shared->tryLock(call, "flight", seconds(30));
        CPPUNIT_ASSERT(another && !lock->renew(call, seconds(60)));
        CPPUNIT_ASSERT(std::stoi(redis.cli({"PTTL", "wasm-proxy:lock:flight"})) < 31000);
        redis.kill();
        CPPUNIT_ASSERT_THROW(another->renew(call, seconds(60)), Error);
    }

    void twoStoresShareContents() {
        const RedisInstance redis;
        const RedisBench one(redis.url());
        const RedisBench two(redis.url());
        const RedisBench other(redis.url(), {{"prefix", "other*[a]\\:", ""}});
        const std::string bytes = pattern(5 * redis::ContentHead::Chunk / 2);
        const Digest digest = one.put(bytes);
        const auto blob = two.open(digest);
        CPPUNIT_ASSERT(blob && blob->descriptor() == -1);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(bytes.size()), blob->size());
        CPPUNIT_ASSERT(RedisBench::readAll(*blob) == bytes);
        char buffer[10];
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), blob->read(redis::ContentHead::Chunk - 4, buffer, 10)); // to its end
        CPPUNIT_ASSERT(std::string(buffer, 4) == bytes.substr(redis::ContentHead::Chunk - 4, 4));
        CPPUNIT_ASSERT(!other.open(digest));
        const Digest own = other.put("own");
        std::vector<std::string> seen;
        Call call = RedisBench::call();
        other.store->visit(call, [&](const StoredBlob& stored) { seen.push_back(stored.digest.str()); });
        CPPUNIT_ASSERT(seen == std::vector<std::string>{own.str()});
        // Exactly on the edge of a piece, and one byte more.
        for (const std::size_t size : {redis::ContentHead::Chunk, redis::ContentHead::Chunk + 1}) {
            const std::string edge = pattern(static_cast<std::size_t>(size));
            const auto stored = two.open(one.put(edge));
            CPPUNIT_ASSERT(stored && RedisBench::readAll(*stored) == edge);
        }
    }

    void nothingStaysForEver() {
        const RedisInstance redis;
        const RedisBench bench(redis.url(), {{"ttl", "2h", ""}});
        const std::string bytes = pattern(3000000);
        const Digest digest = bench.put(bytes);
        bench.put(bytes); // the first upload's pieces are let go
        Call call = RedisBench::call();
        auto unfinished = bench.store->ingest(call, 0);
        unfinished->write(bytes.data(), bytes.size());
        Call work = RedisBench::call();
        bench.shared->tryLock(work, "lock", seconds(5));
        bench.shared->putRecord(work, "record", "value", seconds(5));
        int finished = 0, minute = 0, quarter = 0;
        for (const auto& key : keys(redis)) {
            const int left = std::stoi(redis.cli({"TTL", key}));
            CPPUNIT_ASSERT_MESSAGE(key + " expires in " + std::to_string(left), left > 0 && left <= 7200 + 60);
            finished += left > 7000;
            minute += left > 50 && left <= 60;
            quarter += left > 800 && left <= 900;
        }
        CPPUNIT_ASSERT_EQUAL(1 + 3, finished); // a head and its pieces
        CPPUNIT_ASSERT_EQUAL(3, minute);
        CPPUNIT_ASSERT_EQUAL(2, quarter);
        unfinished.reset();
        CPPUNIT_ASSERT(bench.store->remove(work, digest));
        for (const auto& key : keys(redis))
            CPPUNIT_ASSERT_MESSAGE(key, std::stoi(redis.cli({"TTL", key})) <= 60);
    }

    static std::vector<std::string> keys(const RedisInstance& redis) {
        std::istringstream lines(redis.cli({"--scan"}));
        std::vector<std::string> result;
        for (std::string line; std::getline(lines, line);)
            result.push_back(line);
        return result;
    }

    void piecesThatRedisDroppedAreAMiss() {
        const RedisInstance redis;
        const RedisBench bench(redis.url());
        const std::string bytes = pattern(3000000);
        for (const bool truncated : {false, true}) {
            const Digest digest = bench.put(bytes);
            for (const auto& key : keys(redis))
                if (key.size() > 2 && key.substr(key.size() - 2) == ":1")
                    redis.cli(truncated ? std::vector<std::string>{"SET", key, "short"}
                                        : std::vector<std::string>{"UNLINK", key});
            const auto blob = bench.open(digest);
            expectError("a piece", ErrorCode::StorageFault, "dropped or changed", [&] { RedisBench::readAll(*blob); });
            CPPUNIT_ASSERT(!bench.open(digest)); // absent, so it is put again
            CPPUNIT_ASSERT(RedisBench::readAll(*bench.open(bench.put(bytes))) == bytes);
            redis.cli({"FLUSHALL"});
        }
        // A head that is not ours is no content, however it looks.
        const Digest digest = Digest::of("x");
        for (const std::string& head :
             {std::string("1 99999999999999999999 0123456789abcdef0123456789abcdef"),
              std::string("1 18446744073709551615 0123456789abcdef0123456789abcdef"), std::string("1 5 ../../etc"),
              std::string("2 5 0123456789abcdef0123456789abcdef"), std::string("1 -5 0123456789abcdef0123456789abcdef"),
              std::string("1 5"), std::string("1 "), std::string(), std::string(1000, '1')}) {
            redis.cli({"SET", "wasm-proxy:blob:" + digest.str(), head});
            CPPUNIT_ASSERT_MESSAGE(head, !bench.open(digest));
        }
        redis.cli({"SET", "wasm-proxy:blob:no-digest", "1 5 0123456789abcdef0123456789abcdef"});
        Call call = RedisBench::call();
        bench.store->visit(call, [](const StoredBlob&) { CPPUNIT_FAIL("nothing is there"); });
    }

    void aRestartIsAMissAndOneLine() {
        RedisInstance redis;
        RedisBench bench(redis.url());
        const Digest digest = bench.put("before");
        redis.kill();
        redis.start();
        CPPUNIT_ASSERT(!bench.open(digest)); // the kept connection is dead; that costs nothing
        CPPUNIT_ASSERT(bench.host.lines().empty());
        const auto blob = bench.open(bench.put("open"));
        redis.kill();
        char buffer[10];
        expectError("a read", ErrorCode::StorageFault, "cannot connect", [&] { blob->read(0, buffer, 10); });
        for (int i = 0; i < 1000; ++i)
            expectError("away", ErrorCode::StorageFault, "redis at 127.0.0.1:", [&] { bench.open(digest); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), bench.host.lines().size());
        CPPUNIT_ASSERT(bench.host.logged("left alone"));
        redis.start();
        const auto begun = Call::Clock::now();
        while (bench.lines("answers again") == 0) {
            try {
                bench.open(digest);
            } catch (const Error&) {
                std::this_thread::sleep_for(milliseconds(10));
            }
            CPPUNIT_ASSERT(Call::Clock::now() - begun < seconds(5));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), bench.host.lines().size());
        // A store whose server was never there works once it is.
        redis.kill();
        const RedisBench early(redis.url(), {{"connect-timeout", "5s", ""}});
        expectError("not there", ErrorCode::StorageFault, "cannot connect", [&] { early.open(digest); });
        redis.start();
        CPPUNIT_ASSERT(!early.open(digest));
    }

    void aPausedServerCostsOneTimeout() {
        RedisInstance redis;
        const RedisBench bench(redis.url(), {{"command-timeout", "200ms", ""}, {"connect-timeout", "200ms", ""}});
        bench.put("x");
        redis.pause();
        const auto begun = Call::Clock::now();
        for (int i = 0; i < 200; ++i)
            expectError("hangs", ErrorCode::StorageFault, "while waiting for an answer", [&] { bench.record("a"); });
        const auto took = Call::Clock::now() - begun;
        CPPUNIT_ASSERT(took >= milliseconds(600) && took < milliseconds(1500)); // three times, then at once
        redis.resume();
        // A caller in a hurry says nothing about the server.
        std::this_thread::sleep_for(milliseconds(700));
        bench.record("a");
        redis.pause();
        for (int i = 0; i < 5; ++i) {
            Call hasty = RedisBench::call(milliseconds(30));
            expectError("hasty", ErrorCode::StorageFault, "the request's time was over",
                        [&] { bench.shared->record(hasty, "a"); });
        }
        redis.resume();
        bench.record("a");
    }

    void aPasswordThatChanges() {
        RedisInstance::Options options;
        options.lines = "requirepass first\n";
        const RedisInstance redis(options);
        const TemporaryFolder folder;
        const RedisBench bench(redis.url(), {{"password-file", folder.write("password", "first"), ""}});
        CPPUNIT_ASSERT(!bench.record("a"));
        redis.cli({"CONFIG", "SET", "requirepass", "second"}, {"-a", "first", "--no-auth-warning"});
        redis.cli({"CLIENT", "KILL", "TYPE", "normal"}, {"-a", "second", "--no-auth-warning"});
        expectError("old", ErrorCode::StorageFault, "refuses the password (WRONGPASS)", [&] { bench.record("a"); });
        folder.write("password", "second\n");
        CPPUNIT_ASSERT(!bench.record("a"));
        // A connection made with another file's content is not used again.
        const auto clients = [&] {
            return redis.cli({"CLIENT", "LIST", "TYPE", "normal"}, {"-a", "second", "--no-auth-warning"});
        };
        const std::string before = clients();
        folder.write("password", "second");
        CPPUNIT_ASSERT(!bench.record("a"));
        const std::string id = before.substr(0, before.find(' '));
        CPPUNIT_ASSERT_MESSAGE(before + clients(), clients().find(id + " ") == std::string::npos);

        const RedisBench none(redis.url());
        expectError("none", ErrorCode::StorageFault, "set `password-file`", [&] { none.record("a"); });
        const RedisBench absent(redis.url(), {{"password-file", folder / "absent", ""}});
        expectError("absent", ErrorCode::StorageFault, "password-file: cannot read", [&] { absent.record("a"); });
        for (const auto& line : bench.host.lines())
            CPPUNIT_ASSERT(line.text.find("first") == std::string::npos &&
                           line.text.find("second") == std::string::npos);
    }

    void certificatesAreVerified() {
        const TemporaryFolder folder;
        const Certificate server({"localhost"});
        RedisInstance::Options options;
        options.certificate = folder.write("server.pem", server.pem());
        options.key = folder.write("server.key", server.keyPem());
        const RedisInstance redis(options);
        const RedisBench good(redis.url("localhost"), {{"ca-file", options.certificate, ""}});
        CPPUNIT_ASSERT(!good.record("a"));
        const auto fails = [&](const std::string& name, const std::string& url, const std::vector<KeyValue>& settings,
                               const std::string& words) {
            const RedisBench bench(url, settings);
            expectError(name, ErrorCode::StorageFault, words, [&] { bench.record("a"); });
        };
        fails("other name", redis.url("127.0.0.1"), {{"ca-file", options.certificate, ""}}, "`url` must name");
        fails("system's authorities", redis.url("localhost"), {}, "`ca-file`");
        fails("other authority", redis.url("localhost"),
              {{"ca-file", folder.write("other.pem", Certificate({"localhost"}).pem()), ""}}, "not trusted");
        fails("no file", redis.url("localhost"), {{"ca-file", folder / "absent", ""}}, "ca-file: cannot use");
        fails("wrong key", redis.url("localhost"),
              {{"ca-file", options.certificate, ""},
               {"client-certificate", options.certificate, ""},
               {"client-key", folder.write("other.key", Certificate({"x"}).keyPem()), ""}},
              "client-key: cannot use");
        // Each waits for the other: the timeouts end that.
        const std::vector<KeyValue> hasty{{"connect-timeout", "300ms", ""}, {"command-timeout", "300ms", ""}};
        fails("plain to TLS", "redis://localhost:" + std::to_string(redis.port()), hasty, "redis at localhost:");
        const RedisInstance plain;
        fails("TLS to plain", "rediss://localhost:" + std::to_string(plain.port()), hasty, "redis at localhost:");
    }

    void otherProgramsKeysAreLeftAlone() {
        const RedisInstance redis;
        redis.cli({"SET", "other", "1"});
        redis.cli({"SET", "wasm-proxy", "2"});
        const RedisBench bench(redis.url());
        const Digest digest = bench.put("x");
        Call call = RedisBench::call();
        int seen = 0;
        bench.store->visit(call, [&](const StoredBlob&) { ++seen; });
        CPPUNIT_ASSERT_EQUAL(1, seen);
        bench.store->remove(call, digest);
        CPPUNIT_ASSERT_EQUAL(std::string("1\n2\n"), redis.cli({"GET", "other"}) + redis.cli({"GET", "wasm-proxy"}));
    }

    void aFullServerRefusesAndSaysSo() {
        RedisInstance::Options options;
        options.lines = "maxmemory 8mb\nmaxmemory-policy noeviction\n";
        const RedisInstance redis(options);
        const RedisBench bench(redis.url());
        bench.put("small");
        for (int i = 0; i < 5; ++i)
            expectError("full", ErrorCode::StorageFault, "maxmemory-policy", [&] { bench.put(pattern(20000000)); });
        CPPUNIT_ASSERT(bench.open(Digest::of("small"))); // it still answers: nothing is left alone
        CPPUNIT_ASSERT(bench.host.lines().empty());
        // With a policy that forgets, a content that does not fit is refused, too, and never half there.
        redis.cli({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
        const std::string large = pattern(20000000);
        try {
            bench.put(large);
        } catch (const Error&) {
        }
        const auto blob = bench.open(Digest::of(large));
        if (blob) expectError("half", ErrorCode::StorageFault, "dropped", [&] { RedisBench::readAll(*blob); });
    }

    void manyThreadsShareFewConnections() {
        const RedisInstance redis;
        const RedisBench bench(redis.url(), {{"connections", "2", ""}});
        const std::string bytes = pattern(300000);
        const Digest digest = bench.put(bytes);
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                for (int round = 0; round < 5; ++round)
                    wrong += RedisBench::readAll(*bench.open(digest)) != bytes;
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        std::istringstream lines(redis.cli({"CLIENT", "LIST", "TYPE", "normal"}));
        int clients = -1; // one is redis-cli
        for (std::string line; std::getline(lines, line);)
            clients += line.find("addr=") != std::string::npos;
        CPPUNIT_ASSERT(clients >= 1 && clients <= 2);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisStoreTest);
