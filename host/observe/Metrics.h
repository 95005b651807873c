// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace prometheus {
class Registry;
}

namespace wasmproxy::host {

class AskedFigures;

/// Every figure that /metrics shows. One instance, owned by Host, outlives all rooms. Thread-safe; the hot ones are one
/// atomic add. No caller and no reference is ever a label.
class Metrics {
public:
    Metrics();
    ~Metrics();

    // Data plane.
    void request(const char* surface, int status, double seconds) noexcept; ///< surface: as Surface's nameOf()
    void cacheAnswer(const char* result) noexcept;                          ///< "hit", "miss", "stale"
    void connectionOpened() noexcept;
    void connectionClosed() noexcept;
    void bytesSent(double bytes) noexcept;

    // Pulls.
    void pull(const char* result, double seconds) noexcept; ///< "success" or an ErrorTraits name
    /// What came of asking a registry again what a tag means: "unchanged", "moved", "absent" or "failed".
    void revalidation(const char* result) noexcept;
    void staleAnswer(const char* reason) noexcept; ///< an ErrorTraits name, or "SLOW": it has not answered yet
    void upstreamRequest(const std::string& registry, const std::string& method, int status) noexcept;
    void flightStarted() noexcept;
    void flightEnded() noexcept;
    void waiters(int delta) noexcept;
    void queueDepth(double depth) noexcept;
    void bodiesWaiting(int delta) noexcept;

    void pluginCall(const std::string& instance, const char* method, double seconds, bool failed) noexcept;
    void reload(bool applied) noexcept;
    void configured() noexcept; ///< a configuration came into force, the first one, too
    void cacheBytes(double bytes) noexcept;
    void modules(double count) noexcept;
    /// How many pulls a registry allows that backend, and how many are left; negative: not known, and not shown.
    void registryLimit(const std::string& instance, double limit, double remaining) noexcept;

    /// Of every instance since the start, by its name: "credential.team".
    struct PluginCalls {
        std::uint64_t calls = 0;
        std::uint64_t failures = 0;
    };
    std::map<std::string, PluginCalls> pluginCalls() const;

    /// Run before each text(), for figures that are cheaper to ask for than to keep. Set once, before text() is called.
    void beforeText(std::function<void(AskedFigures&)> refresh);
    /// The Prometheus text format. Families that have nothing to show yet are named all the same.
    std::string text() const;

private:
    struct Families;
    std::unique_ptr<Families> _families;
    std::function<void(AskedFigures&)> _refresh;
};

} // namespace wasmproxy::host
