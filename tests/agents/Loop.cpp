// SPDX-License-Identifier: Apache-2.0
#include "Loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

constexpr std::size_t ScratchBytes = 256 * 1024;
constexpr std::uint64_t WakeId = 0;

} // namespace

Loop::Loop()
    : _epoll(::epoll_create1(EPOLL_CLOEXEC)), _wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), _scratch(ScratchBytes) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = WakeId;
    ::epoll_ctl(_epoll, EPOLL_CTL_ADD, _wake, &event);
}

Loop::~Loop() {
    ::close(_epoll);
    ::close(_wake);
}

std::uint64_t Loop::watch(int descriptor, std::uint32_t events, Watcher& watcher) {
    const auto id = ++_last;
    _watched.emplace(id, Watched{descriptor, &watcher});
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    ::epoll_ctl(_epoll, EPOLL_CTL_ADD, descriptor, &event);
    return id;
}

void Loop::modify(std::uint64_t id, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    ::epoll_ctl(_epoll, EPOLL_CTL_MOD, _watched.at(id).descriptor, &event);
}

void Loop::forget(std::uint64_t id) {
    const auto found = _watched.find(id);
    if (found == _watched.end()) return;
    ::epoll_ctl(_epoll, EPOLL_CTL_DEL, found->second.descriptor, nullptr);
    _watched.erase(found);
}

Loop::Timer Loop::at(Clock::time_point time, std::function<void()> then) {
    const Timer timer = ++_last;
    _timers.emplace(std::make_pair(time, timer), std::move(then));
    _timerTimes.emplace(timer, time);
    return timer;
}

void Loop::cancel(Timer timer) {
    const auto found = _timerTimes.find(timer);
    if (found == _timerTimes.end()) return;
    _timers.erase({found->second, timer});
    _timerTimes.erase(found);
}

int Loop::runTimers() {
    while (!_timers.empty()) {
        const auto first = _timers.begin();
        const auto left = first->first.first - Clock::now();
        if (left > left.zero()) return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
        const auto then = std::move(first->second);
        _timerTimes.erase(first->first.second);
        _timers.erase(first);
        then();
    }
    return -1;
}

void Loop::runPosted() {
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        tasks.swap(_posted);
    }
    for (const auto& task : tasks)
        task();
}

void Loop::run() {
    epoll_event events[256];
    while (true) {
        runPosted();
        if (_stopping) break;
        const int wait = runTimers();
        const int count = ::epoll_wait(_epoll, events, static_cast<int>(std::size(events)), _stopping ? 0 : wait);
        for (int at = 0; at < count; ++at) {
            const std::uint64_t id = events[at].data.u64; // no reference to it: the kernel's struct is packed
            if (id == WakeId) {
                eventfd_t value = 0;
                ::eventfd_read(_wake, &value);
                continue;
            }
            // An earlier one of this round may have ended it.
            const auto found = _watched.find(id);
            if (found != _watched.end()) found->second.watcher->ready(events[at].events);
        }
    }
    _stopping = false;
}

void Loop::post(std::function<void()> task) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _posted.push_back(std::move(task));
    }
    ::eventfd_write(_wake, 1);
}

void Loop::stop() {
    post([this] { _stopping = true; });
}

} // namespace wasmproxy::test
