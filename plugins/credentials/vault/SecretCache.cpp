// SPDX-License-Identifier: Apache-2.0
#include "SecretCache.h"

#include <algorithm>

namespace wasmproxy::vault {

using std::chrono::milliseconds;
using Reach = VaultFault::Reach;

namespace {

constexpr std::chrono::minutes NewsPause{1};
constexpr milliseconds Telling{1000}; // a Vault that is silent for so long is not just being asked too late

std::string text(const Error& error) {
    return error.what() + (error.hint().empty() ? "" : "; " + error.hint());
}

} // namespace

SecretCache::SecretCache(HostServices& host, const VaultSettings& settings, Read read)
    : _host(host), _settings(settings), _read(std::move(read)) {}

SecretCache::Known SecretCache::get(Call& call, const std::string& path) {
    std::unique_lock<std::mutex> lock(_mutex);
    Entry& entry = enter(path);
    const struct Use {
        Entry& entry;
        std::unique_lock<std::mutex>& lock;
        ~Use() {
            if (!lock.owns_lock()) lock.lock();
            --entry.users;
        }
    } use{entry, lock};

    const std::uint64_t before = entry.readings;
    while (true) {
        const auto now = Clock::now();
        // Somebody else has read it since we came.
        if (entry.readings != before) return inForce(entry, now);
        if (!entry.reading && entry.known && now < entry.freshUntil) return entry.known;
        if (!entry.reading && now < std::max(_pausedUntil, entry.pausedUntil)) return inForce(entry, now);
        call.check("asking Vault for a credential");
        if (!entry.reading) {
            lead(call, path, entry, lock);
            continue;
        }
        // In slices, to notice a cancelled Call.
        _changed.wait_for(lock, std::min(call.remaining(), milliseconds(200)));
    }
}

SecretCache::Entry& SecretCache::enter(const std::string& path) {
    auto found = _entries.find(path);
    if (found == _entries.end()) {
        if (_entries.size() >= MaximumPaths) {
            // What is absent goes first: asking for what does not exist must not drive out what does.
            auto victim = _entries.end();
            for (auto it = _entries.begin(); it != _entries.end(); ++it) {
                if (it->second.users > 0) continue;
                const auto rank = [](const Entry& entry) {
                    return std::make_pair(entry.known && !entry.known->absent(), entry.lastUse);
                };
                if (victim == _entries.end() || rank(it->second) < rank(victim->second)) victim = it;
            }
            if (victim == _entries.end())
                throw Error(ErrorCode::Busy, "Vault is being asked for " + std::to_string(MaximumPaths) +
                                                 " paths at once; this one has to wait");
            _entries.erase(victim);
        }
        found = _entries.try_emplace(path).first;
    }
    ++found->second.users;
    found->second.lastUse = ++_uses;
    return found->second;
}

SecretCache::Known SecretCache::inForce(Entry& entry, Clock::time_point now) const {
    if (entry.known && (now < entry.keepUntil || (!entry.failure && !_failure))) return entry.known;
    entry.known.reset(); // its time is over: the secret is wiped with its last user
    const std::optional<Error>& failure = entry.failure ? entry.failure : _failure;
    if (!failure) throw Error(ErrorCode::Internal, "Vault's answer was lost");
    Error error = *failure;
    const auto paused = std::max(_pausedUntil, entry.pausedUntil) - now;
    if (paused.count() > 0) error.withRetryAfter(std::chrono::ceil<std::chrono::seconds>(paused));
    throw error;
}

void SecretCache::lead(Call& call, const std::string& path, Entry& entry, std::unique_lock<std::mutex>& lock) {
    const auto begun = Clock::now();
    entry.reading = true;
    if (_failure) _pausedUntil = begun + _settings.retry.get(); // this is the one attempt of that time
    Lines lines;
    std::optional<Error> ours;
    const auto ended = [&](auto&& note) {
        if (!lock.owns_lock()) lock.lock(); // or it was `note` of another end that threw
        entry.reading = false;
        note();
    };
    lock.unlock();
    try {
        Reading reading = _read(call, path);
        ended([&] { learned(path, entry, std::move(reading), begun, lines); });
    } catch (const VaultFault& fault) {
        ended([&] { failed(entry, fault, fault.reach(), lines); });
    } catch (const Error& error) {
        ended([&] {
            if (!call.expired())
                failed(entry, error, {}, lines);
            else if (!call.cancelled() && Clock::now() - begun >= Telling)
                failed(entry, error, Reach::Server, lines);
            else
                ours = error; // only this caller's time is over: the next one asks
        });
    } catch (...) {
        ended([] {});
        _changed.notify_all();
        throw;
    }
    _changed.notify_all();
    if (ours) throw Error(*ours);
    if (lines.lines.empty()) return;
    lock.unlock();
    for (const auto& [level, line] : lines.lines)
        _host.log(level, line);
    lock.lock();
}

void SecretCache::learned(const std::string& path, Entry& entry, Reading reading, Clock::time_point begun,
                          Lines& lines) {
    if (_failure) lines.lines.emplace_back(LogLevel::Information, "Vault answers again");
    if (entry.failure) lines.lines.emplace_back(LogLevel::Information, path + " can be read again");
    const bool same = entry.known && entry.known->warnings == reading.secret.warnings;
    if (!same)
        for (const std::string& warning : reading.secret.warnings)
            lines.lines.emplace_back(LogLevel::Warning, warning);
    ++entry.readings;
    entry.failure.reset();
    entry.pausedUntil = {};
    _failure.reset();
    _pausedUntil = {};
    // Each reading of a leased secret makes a new one.
    const milliseconds lease = reading.lease;
    entry.freshUntil = begun + (lease.count() > 0 ? lease * 2 / 3 : _settings.refresh.get());
    entry.keepUntil = begun + (lease.count() > 0 ? std::min(lease, _settings.keep.get()) : _settings.keep.get());
    entry.known = std::make_shared<const KnownSecret>(std::move(reading.secret));
}

void SecretCache::failed(Entry& entry, const Error& error, std::optional<Reach> reach, Lines& lines) {
    ++entry.readings;
    const auto now = Clock::now();
    const milliseconds retry = _settings.retry.get();
    // Jitter only upwards: never more than one attempt per `retry`.
    const milliseconds pause = retry + retry * std::uniform_int_distribution<>(0, 20)(_random) / 100;
    Error plain(ErrorCode::CredentialSourceFault, error.what(), error.hint());
    if (reach == Reach::Server || reach == Reach::Login) {
        // The same outage reads differently for each path and each way in which a connection breaks.
        const std::string line = text(plain);
        if (!_failure || _reach != *reach || (line != _said && now - _saidAt > NewsPause)) {
            lines.lines.emplace_back(LogLevel::Warning, line + "; what was read before stays in force");
            _said = line;
            _saidAt = now;
        }
        _reach = *reach;
        _failure = std::move(plain);
        _pausedUntil = now + std::max<milliseconds>(pause, error.retryAfter());
        return;
    }
    _failure.reset(); // Vault answered
    _pausedUntil = {};
    const bool denied = reach == Reach::Denied;
    if (!entry.failure || text(*entry.failure) != text(plain))
        lines.lines.emplace_back(LogLevel::Warning,
                                 text(plain) + (denied || !entry.known ? "" : "; what was read before stays in force"));
    if (denied) entry.known.reset();
    entry.failure = std::move(plain);
    // Each question for a path that is denied costs a login.
    entry.pausedUntil = now + (denied ? 6 * pause : pause);
}

} // namespace wasmproxy::vault
