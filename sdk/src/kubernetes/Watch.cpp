// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/Watch.h"

#include "StatusText.h"
#include "wasmproxy/kubernetes/JsonStream.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace wasmproxy::kubernetes {
namespace {

constexpr std::chrono::seconds Grace{30}; // after the time that the API server was told to end a watch by
constexpr std::chrono::seconds LongestRetryAfter{120};
constexpr int LastingRefusals = 4; // in a row

std::string versionOf(const StrictJson& object) {
    const auto metadata = object.find("metadata");
    return metadata ? metadata->stringOr("resourceVersion", "") : "";
}

StrictJson::Limits eventLimits() {
    StrictJson::Limits result;
    result.bytes = ApiClient::MaxObject;
    result.depth = 1000; // as for lists
    return result;
}

} // namespace

Watch::Watch(ApiClient& client, ApiResource resource, Selection selection, WatchListener& listener,
             const WatchTiming& timing)
    : _client(client),
      _resource(std::move(resource)),
      _selection(std::move(selection)),
      _listener(listener),
      _timing(timing),
      _random(std::random_device{}()),
      _delay(timing.firstDelay) {}

Watch::~Watch() {
    stop();
    if (_thread.joinable()) _thread.join();
}

void Watch::start() {
    _thread = std::thread([this] { run(); });
}

void Watch::stop() noexcept {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    _wake.notify_all();
}

void Watch::nudge() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _nudged = true;
    }
    _wake.notify_all();
}

void Watch::run() {
    while (!_stopping) {
        _next = {};
        try {
            attempt();
        } catch (const Error& error) {
            if (_stopping) return;
            _next = failed(error);
        } catch (const std::exception& error) {
            _next = failed(Error(ErrorCode::Internal, title() + ": " + error.what()));
        }
        sleep(_next);
    }
}

void Watch::attempt() {
    if (_version.empty()) {
        try {
            list();
        } catch (const ApiError& refusal) {
            if (refusal.expired()) { // between two pages
                _next.time = backOff();
                return;
            }
            // A Role may allow to get one object and no more.
            if (!refusal.forbidden() || _selection.name.empty() || !readOne()) throw;
            pollInstead(refusal);
            return;
        }
        if (_stopping) return;
    }
    try {
        follow();
    } catch (const ApiError& refusal) {
        const bool unknownVersion = refusal.status() == 504 || refusal.expired();
        if (unknownVersion) {
            _version.clear();
            _next.time = refusal.expired() ? byChance(_timing.relist) : backOff();
            return;
        }
        if (!refusal.forbidden()) throw;
        _version.clear(); // what changes until the next list is in that
        pollInstead(refusal);
    }
}

/// Always as of now (no resourceVersion): who rotates a Secret wants that one, not what some cache still has.
void Watch::list() {
    Call call("watch", Call::Clock::now() + _timing.answer, &_stopping);
    _listener.listBegins();
    std::string version;
    version = _client.list(call, _resource, _selection, [this](const StrictJson& object) { _listener.listed(object); });
    _listener.listEnds();
    _listedOnce = true;
    _version = version;
    if (_version.empty()) throw Error(ErrorCode::UpstreamInvalid, "the list of " + title() + " has no resourceVersion");
    works();
}

/// false: forbidden, too.
bool Watch::readOne() {
    Call call("watch", Call::Clock::now() + _timing.answer, &_stopping);
    try {
        const StrictJson object = _client.get(call, _resource, _selection.name);
        _listener.listBegins();
        _listener.listed(object);
    } catch (const ApiError& error) {
        if (error.forbidden()) return false;
        if (!error.absent()) throw;
        _listener.listBegins();
    }
    _listener.listEnds();
    _listedOnce = true;
    return true;
}

void Watch::follow() {
    const std::chrono::seconds::rep spread = (_timing.watchAtMost - _timing.watchAtLeast).count();
    const auto time =
        _timing.watchAtLeast + std::chrono::seconds(std::uniform_int_distribution<std::chrono::seconds::rep>(
                                   0, std::max<std::chrono::seconds::rep>(spread, 0))(_random));
    Call call("watch", Call::Clock::now() + time + Grace, &_stopping);
    const auto begun = Clock::now();
    const auto response = _client.watch(call, _resource, _selection, _version, time);
    works();
    _refusals = 0;
    bool events = false;
    JsonStream stream(ApiClient::MaxObject);
    char piece[16 * 1024];
    bool relist = false;
    while (!relist) {
        std::size_t count = 0;
        try {
            count = response->read(piece, sizeof(piece));
        } catch (const Error&) {
            count = 0; // However it ended, what was missed comes with the next watch.
        }
        if (_stopping || count == 0) break;
        try {
            stream.feed({piece, count}, [&](std::string_view text) {
                if (relist) return;
                relist = !event(
                    StrictJson::parse(text, "an event of " + title(), ErrorCode::UpstreamInvalid, eventLimits()));
                events = events || !relist;
            });
        } catch (const ApiError&) {
            throw;
        } catch (const Error&) {
            _version.clear(); // or the same event would come again
            OPENSSL_cleanse(piece, sizeof(piece));
            throw;
        }
        OPENSSL_cleanse(piece, count);
    }
    if (relist) {
        _version.clear();
        _next.time = events || Clock::now() - begun >= _timing.shortest ? byChance(_timing.relist) : backOff();
    } else if (events || Clock::now() - begun >= _timing.shortest) {
        _delay = _timing.firstDelay;
    } else {
        _next.time = backOff();
    }
}

/// false: the place in the stream is lost.
bool Watch::event(const StrictJson& event) {
    const std::string type = event.at("type").asString();
    const StrictJson object = event.at("object");
    if (type == "ERROR") {
        const StatusText status = StatusText::of(object);
        const ApiError error = status.error("the API server ends the watch of " + title(), "");
        if (error.expired() || error.status() == 504) return false;
        throw error;
    }
    if (type == "ADDED" || type == "MODIFIED")
        _listener.changed(object);
    else if (type == "DELETED")
        _listener.deleted(object);
    const std::string version = versionOf(object);
    if (!version.empty()) _version = version;
    return true;
}

Watch::Pause Watch::failed(const Error& error) {
    const auto* answer = dynamic_cast<const ApiError*>(&error);
    const std::string failure =
        std::to_string(static_cast<int>(error.code())) + (answer ? "/" + std::to_string(answer->status()) : "");
    if (failure != _failure) {
        _failure = failure;
        _client.host().log(LogLevel::Warning,
                           std::string(error.what()) + (error.hint().empty() ? "" : "; " + error.hint()) +
                               (_listedOnce ? "; what was read of " + title() + " before stays in force"
                                            : "; nothing is known of " + title() + " yet"));
    }
    _listener.failed(error);
    Pause result;
    result.time = backOff();
    if (error.retryAfter().count() > 0) {
        result.canBeShortened = false;
        result.time = std::max<Milliseconds>(result.time, std::min(error.retryAfter(), LongestRetryAfter));
    }
    return result;
}

void Watch::works() {
    if (!_failure.empty()) _client.host().log(LogLevel::Information, "the API server gives " + title() + " again");
    _failure.clear();
}

/// An API server that has just started refuses for a moment what it allows, so only a lasting refusal makes it slow.
void Watch::pollInstead(const ApiError& error) {
    works();
    _next = {std::min(backOff(), _timing.poll), false};
    if (++_refusals != LastingRefusals) return;
    _client.host().log(LogLevel::Warning,
                       title() + " are asked for every " + std::to_string(_timing.poll.count() / 1000) +
                           " s only, so changes are seen late: " + error.what() + "; " + error.hint());
}

Watch::Milliseconds Watch::backOff() {
    const Milliseconds result = _delay + byChance(_delay);
    _delay = std::min(_delay * 2, _timing.longestDelay);
    return result;
}

Watch::Milliseconds Watch::byChance(Milliseconds most) {
    return Milliseconds(
        std::uniform_int_distribution<Milliseconds::rep>(0, std::max<Milliseconds::rep>(most.count(), 0))(_random));
}

void Watch::sleep(const Pause& pause) {
    if (pause.time.count() <= 0) return;
    std::unique_lock<std::mutex> lock(_mutex);
    const auto now = Clock::now();
    const auto end = now + pause.time;
    const auto earliest = std::min(end, now + _timing.nudge);
    _nudged = false;
    while (!_stopping) {
        const auto until = pause.canBeShortened && _nudged ? earliest : end;
        if (Clock::now() >= until) return;
        _wake.wait_until(lock, until);
    }
}

} // namespace wasmproxy::kubernetes
