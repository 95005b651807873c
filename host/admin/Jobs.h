// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/StopSignal.h"
#include "wasmproxy/plugin/Call.h"

#include <Poco/JSON/Object.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::host {

/// A job as it is now.
struct JobState {
    enum class Phase { Queued, Running, Succeeded, Failed, Cancelled };

    std::string id;
    std::string kind;  ///< "prefetch", "scrub", …
    std::string actor; ///< who asked for it
    Phase phase = Phase::Queued;
    bool cancelling = false; ///< it runs still and was told to end
    std::uint64_t done = 0;
    std::uint64_t total = 0; ///< 0: nobody knows
    std::string text;        ///< what it is at
    Poco::JSON::Object::Ptr result;
    std::optional<Error> error;
    std::chrono::system_clock::time_point created;
    std::optional<std::chrono::system_clock::time_point> started;
    std::optional<std::chrono::system_clock::time_point> ended;

    bool over() const { return phase != Phase::Queued && phase != Phase::Running; }
    const char* phaseName() const;
    Poco::JSON::Object json() const;
};

/// Work that takes longer than a client waits for an answer: a few at a time, on threads that this owns and joins. A
/// bounded number waits, and a bounded number is remembered. Thread-safe.
class Jobs {
public:
    struct Options {
        std::size_t threads = 2;
        std::size_t waiting = 50;
        std::size_t kept = 200; ///< the oldest that are over are forgotten
        std::chrono::minutes deadline{60};
    };

    class Run;
    /// Runs on a thread of the pool and returns the result. What it throws is the job's error; what it throws once it
    /// was cancelled only ends it.
    using Work = std::function<Poco::JSON::Object::Ptr(Run&)>;

    Jobs() : Jobs(Options()) {}
    explicit Jobs(const Options& options);
    ~Jobs(); ///< stop()

    /// Throws Error{Busy} where too many wait.
    JobState start(const std::string& kind, const std::string& actor, Work work);
    std::optional<JobState> find(const std::string& id) const;
    /// The job once it is over, or as it is after `patience` or when `stop` is raised. nullopt: there is no such job.
    std::optional<JobState> wait(const std::string& id, std::chrono::milliseconds patience, StopSignal& stop);
    std::vector<JobState> all() const; ///< newest first
    /// What runs ends at its next look at its Call; what waits does not begin; what is over stays as it is. nullopt:
    /// there is no such job.
    std::optional<JobState> cancel(const std::string& id);
    /// Cancels all and joins the threads; there are no more jobs after it.
    void stop();

private:
    struct Job;
    using JobPointer = std::shared_ptr<Job>;
    void work();
    void run(const JobPointer& job);
    void cancelLocked(Job& job);
    void forgetOldest();
    JobPointer get(const std::string& id) const;

    const Options _options;
    mutable std::mutex _mutex; // the members below and the state of every job
    std::condition_variable _wake;
    std::condition_variable _ended; // of jobs, and of waiting for them
    std::uint64_t _next = 1;
    std::map<std::uint64_t, JobPointer> _jobs; // by their order
    std::deque<JobPointer> _queue;
    bool _stopping = false;
    std::vector<std::thread> _threads;
};

/// What the work of a job has. One thread at a time.
class Jobs::Run {
public:
    Call& call() { return _call; } ///< cancelled with the job
    /// Raised when the job is cancelled: for what waits without looking at the Call.
    StopSignal& cancelled();
    void progress(std::uint64_t done, std::uint64_t total, const std::string& text = {});
    /// The job has a result, and yet it failed.
    void fail(const Error& error) { _failure = error; }

private:
    friend class Jobs;
    Run(Jobs& jobs, Job& job);

    Jobs& _jobs;
    Job& _job;
    Call _call;
    std::optional<Error> _failure;
};

} // namespace wasmproxy::host
