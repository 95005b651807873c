// SPDX-License-Identifier: Apache-2.0
#include "pull/HotTable.h"
#include "pull/TimerQueue.h"
#include "pull/WorkerPool.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <future>
#include <set>

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

class PlainBlob : public Blob {
public:
    explicit PlainBlob(std::string bytes) : _bytes(std::move(bytes)) {}
    std::uint64_t size() const noexcept override { return _bytes.size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return offset >= _bytes.size() ? 0 : _bytes.copy(buffer, size, offset);
    }

private:
    std::string _bytes;
};

} // namespace

class QueuesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(QueuesTest);
    CPPUNIT_TEST(aSlowRegistryLeavesWorkersToOthers);
    CPPUNIT_TEST(theQueueIsBounded);
    CPPUNIT_TEST(timersRunInOrder);
    CPPUNIT_TEST(hotTableForgetsTheLeastRecentlyUsed);
    CPPUNIT_TEST(everythingHotHasADescriptor);
    CPPUNIT_TEST_SUITE_END();

    void aSlowRegistryLeavesWorkersToOthers() {
        WorkerPool pool(3, 2, 100);
        std::promise<void> release;
        const auto released = release.get_future().share();
        std::atomic<int> slow{0};
        for (int i = 0; i < 10; ++i)
            CPPUNIT_ASSERT(pool.post("slow", [&slow, released] {
                ++slow;
                released.wait();
            }));
        std::promise<void> other;
        pool.post("quick", [&] { other.set_value(); });
        CPPUNIT_ASSERT(other.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
        CPPUNIT_ASSERT(slow <= 2);
        release.set_value();
        std::promise<void> last; // the slow registry's places are used again
        pool.post("slow", [&] { last.set_value(); });
        CPPUNIT_ASSERT(last.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
        pool.stop();
        CPPUNIT_ASSERT_EQUAL(10, slow.load());
    }

    void theQueueIsBounded() {
        WorkerPool pool(1, 1, 3);
        std::promise<void> started, release;
        const auto released = release.get_future().share();
        pool.post("r", [&, released] {
            started.set_value();
            released.wait();
        });
        started.get_future().wait();
        for (int i = 0; i < 3; ++i)
            CPPUNIT_ASSERT(pool.post("r", [] {}));
        CPPUNIT_ASSERT(!pool.post("r", [] {}));
        release.set_value();
        pool.stop();
        CPPUNIT_ASSERT(!pool.post("r", [] {}));
    }

    void timersRunInOrder() {
        TimerQueue timers;
        std::mutex mutex;
        std::vector<int> order;
        std::promise<void> done;
        const auto now = TimerQueue::Clock::now();
        const auto note = [&](int number) {
            const std::lock_guard<std::mutex> lock(mutex);
            order.push_back(number);
            if (order.size() == 3) done.set_value();
        };
        timers.at(now + std::chrono::milliseconds(120), [&] { note(3); });
        timers.at(now + std::chrono::milliseconds(20), [&] { note(1); });
        timers.at(now + std::chrono::milliseconds(70), [&] { note(2); });
        CPPUNIT_ASSERT(done.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
        CPPUNIT_ASSERT((order == std::vector<int>{1, 2, 3}));
        timers.stop();
        timers.at(now, [&] { note(4); }); // dropped
    }

    void hotTableForgetsTheLeastRecentlyUsed() {
        HotTable hot(2);
        const auto a = Digest::of("a"), b = Digest::of("b"), c = Digest::of("c");
        hot.insert(a, std::make_shared<PlainBlob>("a"));
        hot.insert(b, std::make_shared<PlainBlob>("b"));
        const auto lease = hot.find(a); // b is now the least recently used
        hot.insert(c, std::make_shared<PlainBlob>("c"));
        CPPUNIT_ASSERT(hot.find(a) && hot.find(c) && !hot.find(b));
        hot.erase(a);
        CPPUNIT_ASSERT(!hot.find(a));
        char byte = 0;
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), lease->read(0, &byte, 1)); // a lease outlives the table's entry
        CPPUNIT_ASSERT_EQUAL('a', byte);
    }

    void everythingHotHasADescriptor() {
        std::string bytes(300000, 'x');
        bytes[299999] = 'y';
        const auto blob = withDescriptor(std::make_unique<PlainBlob>(bytes));
        CPPUNIT_ASSERT(blob->descriptor() >= 0);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(300000), blob->size());
        char last = 0;
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), blob->read(299999, &last, 1));
        CPPUNIT_ASSERT_EQUAL('y', last);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), blob->read(300000, &last, 1));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(QueuesTest);
