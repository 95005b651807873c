// SPDX-License-Identifier: Apache-2.0
#include "admin/Jobs.h"

#include "admin/TimeText.h"
#include "observe/Log.h"

#include <algorithm>

namespace wasmproxy::host {

struct Jobs::Job {
    JobState state;
    Work work;
    std::atomic<bool> cancelled{false};
    StopSignal signal;
};

const char* JobState::phaseName() const {
    switch (phase) {
    case Phase::Queued:
        return "queued";
    case Phase::Running:
        return "running";
    case Phase::Succeeded:
        return "succeeded";
    case Phase::Failed:
        return "failed";
    case Phase::Cancelled:
        break;
    }
    return "cancelled";
}

Poco::JSON::Object JobState::json() const {
    Poco::JSON::Object job(Poco::JSON_PRESERVE_KEY_ORDER);
    job.set("id", id);
    job.set("kind", kind);
    job.set("actor", actor);
    job.set("state", phaseName());
    if (cancelling && !over()) job.set("cancelling", true);
    Poco::JSON::Object progress(Poco::JSON_PRESERVE_KEY_ORDER);
    progress.set("done", static_cast<Poco::UInt64>(done));
    if (total != 0) progress.set("total", static_cast<Poco::UInt64>(total));
    if (!text.empty()) progress.set("text", text);
    job.set("progress", progress);
    job.set("createdAt", timeText(created));
    if (started) job.set("startedAt", timeText(*started));
    if (ended) job.set("endedAt", timeText(*ended));
    if (result) job.set("result", result);
    if (error) {
        Poco::JSON::Object fault(Poco::JSON_PRESERVE_KEY_ORDER);
        fault.set("code", traitsOf(error->code()).name);
        fault.set("message", error->what());
        if (!error->hint().empty()) fault.set("hint", error->hint());
        job.set("error", fault);
    }
    return job;
}

Jobs::Run::Run(Jobs& jobs, Job& job)
    : _jobs(jobs),
      _job(job),
      _call("job-" + job.state.id, Call::Clock::now() + jobs._options.deadline, &job.cancelled) {}

StopSignal& Jobs::Run::cancelled() {
    return _job.signal;
}

void Jobs::Run::progress(std::uint64_t done, std::uint64_t total, const std::string& text) {
    const std::lock_guard<std::mutex> lock(_jobs._mutex);
    _job.state.done = done;
    _job.state.total = total;
    _job.state.text = text;
}

Jobs::Jobs(const Options& options) : _options(options) {
    for (std::size_t i = 0; i < options.threads; ++i)
        _threads.emplace_back([this] { work(); });
}

Jobs::~Jobs() {
    stop();
}

JobState Jobs::start(const std::string& kind, const std::string& actor, Work work) {
    const auto job = std::make_shared<Job>();
    job->work = std::move(work);
    job->state.kind = kind;
    job->state.actor = actor;
    job->state.created = std::chrono::system_clock::now();
    JobState state;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping) throw Error(ErrorCode::Busy, "the proxy is stopping");
        if (_queue.size() >= _options.waiting)
            throw Error(ErrorCode::Busy, std::to_string(_queue.size()) + " jobs wait already",
                        "wait until some are over, or cancel them");
        const auto number = _next++;
        job->state.id = std::to_string(number);
        _jobs.emplace(number, job);
        _queue.push_back(job);
        forgetOldest();
        state = job->state;
    }
    _wake.notify_one();
    return state;
}

void Jobs::forgetOldest() {
    for (auto it = _jobs.begin(); it != _jobs.end() && _jobs.size() > _options.kept;)
        it = it->second->state.over() ? _jobs.erase(it) : std::next(it);
}

Jobs::JobPointer Jobs::get(const std::string& id) const {
    if (id.empty() || id.size() > 18 || id.find_first_not_of("0123456789") != std::string::npos || id[0] == '0')
        return nullptr;
    const auto found = _jobs.find(std::stoull(id));
    return found == _jobs.end() ? nullptr : found->second;
}

std::optional<JobState> Jobs::find(const std::string& id) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto job = get(id);
    return job ? std::optional(job->state) : std::nullopt;
}

std::optional<JobState> Jobs::wait(const std::string& id, std::chrono::milliseconds patience, StopSignal& stop) {
    bool stopped = false;
    const StopSignal::Subscription onStop(stop, [&] {
        const std::lock_guard<std::mutex> lock(_mutex);
        stopped = true;
        _ended.notify_all();
    });
    std::unique_lock<std::mutex> lock(_mutex);
    const auto job = get(id);
    if (!job) return std::nullopt;
    _ended.wait_for(lock, patience, [&] { return stopped || job->state.over(); });
    auto state = job->state;
    lock.unlock(); // before the subscription ends, whose action wants it
    return state;
}

std::vector<JobState> Jobs::all() const {
    std::vector<JobState> states;
    const std::lock_guard<std::mutex> lock(_mutex);
    for (auto it = _jobs.rbegin(); it != _jobs.rend(); ++it)
        states.push_back(it->second->state);
    return states;
}

std::optional<JobState> Jobs::cancel(const std::string& id) {
    JobPointer job;
    std::optional<JobState> state;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        job = get(id);
        if (!job) return std::nullopt;
        cancelLocked(*job);
        _queue.erase(std::remove(_queue.begin(), _queue.end(), job->state.over() ? job : nullptr), _queue.end());
        state = job->state;
    }
    _ended.notify_all();
    // Not under our lock: what it wakes may report its progress.
    if (job->cancelled) job->signal.raise();
    return state;
}

void Jobs::cancelLocked(Job& job) {
    if (job.state.over()) return;
    job.cancelled = true;
    job.state.cancelling = true;
    if (job.state.phase != JobState::Phase::Queued) return;
    job.state.phase = JobState::Phase::Cancelled;
    job.state.ended = std::chrono::system_clock::now();
    job.work = nullptr; // nobody runs it; what it holds may be an archive
}

void Jobs::stop() {
    std::vector<JobPointer> running;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping) return;
        _stopping = true;
        for (const auto& [number, job] : _jobs) {
            if (job->state.over()) continue;
            cancelLocked(*job);
            running.push_back(job);
        }
        _queue.clear();
    }
    for (const auto& job : running)
        job->signal.raise();
    _wake.notify_all();
    for (auto& thread : _threads)
        thread.join();
}

void Jobs::work() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (true) {
        _wake.wait(lock, [this] { return _stopping || !_queue.empty(); });
        if (_stopping) return;
        const auto job = std::move(_queue.front());
        _queue.pop_front();
        if (job->state.over()) continue; // cancelled while it waited
        job->state.phase = JobState::Phase::Running;
        job->state.started = std::chrono::system_clock::now();
        lock.unlock();
        run(job);
        lock.lock();
    }
}

void Jobs::run(const JobPointer& job) {
    Poco::JSON::Object::Ptr result;
    std::optional<Error> error;
    try {
        Run running(*this, *job);
        result = job->work(running);
        error = running._failure;
    } catch (const Error& thrown) {
        error = thrown;
    } catch (const std::exception& thrown) {
        error.emplace(ErrorCode::Internal, thrown.what());
    }
    job->work = nullptr; // what it holds goes with it, not with the last of the kept
    JobState state;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        state = job->state;
        state.result = std::move(result);
        state.ended = std::chrono::system_clock::now();
        if (!error) {
            state.phase = JobState::Phase::Succeeded;
        } else if (job->cancelled) {
            state.phase = JobState::Phase::Cancelled;
        } else {
            state.phase = JobState::Phase::Failed;
            state.error = std::move(error);
        }
        job->state = state;
    }
    _ended.notify_all();
    log(state.error ? LogLevel::Warning : LogLevel::Information, "job ended",
        {{"job", state.id},
         {"kind", state.kind},
         {"actor", state.actor},
         {"state", state.phaseName()},
         {"cause", state.error ? state.error->what() : ""},
         {"hint", state.error ? state.error->hint() : ""}});
}

} // namespace wasmproxy::host
