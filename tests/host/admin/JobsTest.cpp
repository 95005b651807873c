// SPDX-License-Identifier: Apache-2.0
#include "admin/Jobs.h"

#include <cppunit/extensions/HelperMacros.h>

#include <future>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace std::chrono_literals;
using Phase = JobState::Phase;

namespace {

/// Work that is at a known place until it is let go. Outlives the Jobs that run it.
struct Gate {
    std::promise<void> entered;
    std::promise<void> opened;
    Jobs::Work work() {
        return [this](Jobs::Run&) {
            entered.set_value();
            opened.get_future().wait();
            return Poco::JSON::Object::Ptr();
        };
    }
    void awaitEntered() { entered.get_future().wait(); }
};

Jobs::Options options(std::size_t threads, std::size_t waiting = 10, std::size_t kept = 200) {
    Jobs::Options result;
    result.threads = threads;
    result.waiting = waiting;
    result.kept = kept;
    return result;
}

Poco::JSON::Object::Ptr nothing(Jobs::Run&) {
    return {};
}

} // namespace

class JobsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(JobsTest);
    CPPUNIT_TEST(stateProgressAndResult);
    CPPUNIT_TEST(failuresSayWhy);
    CPPUNIT_TEST(boundedRunningWaitingAndKept);
    CPPUNIT_TEST(cancelledWhileItWaitsAndWhileItRuns);
    CPPUNIT_TEST(stopEndsAll);
    CPPUNIT_TEST_SUITE_END();

    StopSignal _stop;

    JobState over(Jobs& jobs, const std::string& id) {
        const auto state = jobs.wait(id, 10s, _stop);
        CPPUNIT_ASSERT(state && state->over());
        return *state;
    }

    void stateProgressAndResult() {
        Gate gate;
        Jobs jobs(options(1));
        const auto first = jobs.start("first", "token ops", [&](Jobs::Run& run) {
            run.progress(3, 7, "half of it");
            gate.work()(run);
            Poco::JSON::Object::Ptr result = new Poco::JSON::Object;
            result->set("answer", 42);
            return result;
        });
        const auto second = jobs.start("second", "loopback", nothing);
        gate.awaitEntered();
        const auto running = *jobs.find(first.id);
        CPPUNIT_ASSERT(running.phase == Phase::Running && running.done == 3 && running.total == 7);
        CPPUNIT_ASSERT_EQUAL(std::string("half of it"), running.text);
        CPPUNIT_ASSERT(jobs.wait(first.id, 1ms, _stop)->phase == Phase::Running);
        CPPUNIT_ASSERT(jobs.find(second.id)->phase == Phase::Queued);
        gate.opened.set_value();
        const auto done = over(jobs, first.id);
        CPPUNIT_ASSERT(done.phase == Phase::Succeeded && done.started && done.ended && !done.error);
        CPPUNIT_ASSERT_EQUAL(42, done.json().getObject("result")->getValue<int>("answer"));
        CPPUNIT_ASSERT_EQUAL(std::string("token ops"), done.json().getValue<std::string>("actor"));
        over(jobs, second.id);
        CPPUNIT_ASSERT_EQUAL(second.id, jobs.all().front().id); // newest first
        for (const char* id : {"", "0", "01", "99", "-1", "1x", "99999999999999999999"})
            CPPUNIT_ASSERT_MESSAGE(id, !jobs.find(id) && !jobs.cancel(id) && !jobs.wait(id, 1s, _stop));
    }

    void failuresSayWhy() {
        Jobs jobs(options(2));
        const auto thrown = jobs.start("a", "x", [](Jobs::Run&) -> Poco::JSON::Object::Ptr {
            throw Error(ErrorCode::StorageFault, "the disk is full", "free space");
        });
        const auto foreign =
            jobs.start("b", "x", [](Jobs::Run&) -> Poco::JSON::Object::Ptr { throw std::runtime_error("odd"); });
        const auto both = jobs.start("c", "x", [](Jobs::Run& run) {
            run.fail(Error(ErrorCode::UpstreamUnavailable, "one of two"));
            return Poco::JSON::Object::Ptr(new Poco::JSON::Object);
        });
        auto state = over(jobs, thrown.id);
        CPPUNIT_ASSERT(state.phase == Phase::Failed);
        const auto error = state.json().get("error").extract<Poco::JSON::Object>();
        CPPUNIT_ASSERT_EQUAL(std::string("STORAGE_FAULT"), error.getValue<std::string>("code"));
        CPPUNIT_ASSERT_EQUAL(std::string("free space"), error.getValue<std::string>("hint"));
        CPPUNIT_ASSERT(over(jobs, foreign.id).error->code() == ErrorCode::Internal);
        state = over(jobs, both.id);
        CPPUNIT_ASSERT(state.phase == Phase::Failed && state.result && state.error);
    }

    void boundedRunningWaitingAndKept() {
        Gate one, two;
        Jobs jobs(options(2, 3, 4));
        jobs.start("one", "x", one.work());
        jobs.start("two", "x", two.work());
        one.awaitEntered();
        two.awaitEntered();
        std::string last;
        for (int i = 0; i < 3; ++i)
            last = jobs.start("more", "x", nothing).id;
        CPPUNIT_ASSERT(jobs.find(last)->phase == Phase::Queued);
        CPPUNIT_ASSERT_THROW(jobs.start("too many", "x", nothing), Error);
        jobs.cancel(last); // makes room
        last = jobs.start("more", "x", nothing).id;
        one.opened.set_value();
        over(jobs, last);
        for (int i = 0; i < 10; ++i)
            over(jobs, jobs.start("many", "x", nothing).id);
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), jobs.all().size());
        CPPUNIT_ASSERT_EQUAL(std::string("two"), jobs.all().back().kind); // it runs still
        two.opened.set_value();
    }

    void cancelledWhileItWaitsAndWhileItRuns() {
        Jobs jobs(options(1));
        std::promise<void> entered;
        const auto running = jobs.start("running", "x", [&](Jobs::Run& run) -> Poco::JSON::Object::Ptr {
            entered.set_value();
            std::promise<void> told;
            const StopSignal::Subscription onCancel(run.cancelled(), [&] { told.set_value(); });
            told.get_future().wait();
            run.progress(1, 2, "told");
            run.call().check("testing");
            return {};
        });
        std::atomic<bool> ran{false};
        auto archive = std::make_shared<int>(1);
        const std::weak_ptr<int> kept = archive;
        const auto waiting = jobs.start("waiting", "x", [&ran, archive = std::move(archive)](Jobs::Run&) {
            ran = *archive == 1;
            return Poco::JSON::Object::Ptr();
        });
        entered.get_future().wait();
        CPPUNIT_ASSERT(!kept.expired());
        CPPUNIT_ASSERT(jobs.cancel(waiting.id)->phase == Phase::Cancelled);
        CPPUNIT_ASSERT(kept.expired()); // what it would have worked on
        const auto begun = std::chrono::steady_clock::now();
        const auto told = jobs.cancel(running.id);
        CPPUNIT_ASSERT(told && told->cancelling);
        const auto state = over(jobs, running.id);
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < 1s);
        CPPUNIT_ASSERT(state.phase == Phase::Cancelled && !state.error);
        CPPUNIT_ASSERT(jobs.cancel(running.id)->phase == Phase::Cancelled);
        over(jobs, jobs.start("after", "x", nothing).id);
        CPPUNIT_ASSERT(!ran);
        CPPUNIT_ASSERT(!jobs.cancel(jobs.all().front().id)->cancelling); // it is over
    }

    void stopEndsAll() {
        std::string id;
        Jobs jobs(options(1));
        std::promise<void> entered;
        jobs.start("running", "x", [&](Jobs::Run& run) -> Poco::JSON::Object::Ptr {
            entered.set_value();
            while (!run.call().expired())
                std::this_thread::sleep_for(1ms);
            run.call().check("testing");
            return {};
        });
        entered.get_future().wait();
        const auto waiting = jobs.start("waiting", "x", nothing);
        auto watcher = std::async(std::launch::async, [&] { return jobs.wait("1", 20s, _stop); });
        jobs.stop();
        CPPUNIT_ASSERT(watcher.get()->phase == Phase::Cancelled);
        CPPUNIT_ASSERT(jobs.find(waiting.id)->phase == Phase::Cancelled);
        CPPUNIT_ASSERT_THROW(jobs.start("late", "x", nothing), Error);
        // Who waits goes when the server stops.
        Gate gate;
        Jobs others(options(1));
        const auto held = others.start("held", "x", gate.work());
        auto reader = std::async(std::launch::async, [&] { return others.wait(held.id, 20s, _stop); });
        gate.awaitEntered();
        const auto begun = std::chrono::steady_clock::now();
        _stop.raise();
        CPPUNIT_ASSERT(reader.get()->phase == Phase::Running);
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < 2s);
        gate.opened.set_value();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JobsTest);
