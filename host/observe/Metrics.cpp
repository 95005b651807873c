// SPDX-License-Identifier: Apache-2.0
#include "observe/Metrics.h"

#include "observe/AskedFigures.h"
#include "observe/LatencyHistogram.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cstring>
#include <mutex>
#include <set>
#include <sstream>
#include <vector>

namespace wasmproxy::host {
namespace {

constexpr std::array<const char*, 4> Surfaces{"fetch", "extensions", "modules",
                                              "other"}; // the last stands for any unknown one
constexpr std::array<const char*, 4> Answers{"hit", "miss", "stale", "other"};
constexpr std::array<const char*, 5> Revalidations{"unchanged", "moved", "absent", "failed", "other"};
constexpr std::array<int, 27> Statuses{200, 201, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404,
                                       405, 408, 412, 416, 421, 422, 429, 431, 500, 501, 502, 503, 504};
constexpr std::size_t OtherStatus = Statuses.size();
constexpr std::size_t MaxRegistries = 200; // hosts behind a wildcard route are chosen by callers
constexpr std::size_t MaxRegistryLength = 255;

template <std::size_t N>
std::size_t indexOf(const std::array<const char*, N>& names, const char* name) noexcept {
    for (std::size_t i = 0; i + 1 < N; ++i) {
        if (std::strcmp(names[i], name) == 0) return i;
    }
    return N - 1;
}

/// Status -> position in Statuses, built at compile time so that counting a request is one look-up.
constexpr std::array<unsigned char, 600> statusTable() {
    std::array<unsigned char, 600> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
        table[i] = OtherStatus;
    for (std::size_t i = 0; i < Statuses.size(); ++i)
        table[static_cast<std::size_t>(Statuses[i])] = i;
    return table;
}
constexpr auto StatusTable = statusTable();

std::size_t statusIndex(int status) noexcept {
    return status >= 0 && status < 600 ? StatusTable[static_cast<std::size_t>(status)] : OtherStatus;
}

std::string statusLabel(std::size_t index) {
    return index == OtherStatus ? "other" : std::to_string(Statuses[index]);
}

const char* methodLabel(const std::string& method) {
    for (const char* known : {"GET", "HEAD", "POST", "PUT", "DELETE"}) {
        if (method == known) return known;
    }
    return "other";
}

const prometheus::Histogram::BucketBoundaries PullBounds{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300};
const prometheus::Histogram::BucketBoundaries CallBounds{0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 15, 60};

} // namespace

struct Metrics::Families {
    template <class T>
    using Family = prometheus::Family<T>;
    using Counter = prometheus::Counter;
    using Gauge = prometheus::Gauge;
    using Histogram = prometheus::Histogram;

    prometheus::Registry registry;
    std::vector<prometheus::MetricFamily> names; ///< of all families, without figures

    void named(const char* name, const char* help, prometheus::MetricType type) {
        names.push_back({name, help, type, {}});
    }
    Family<Counter>& counter(const char* name, const char* help) {
        named(name, help, prometheus::MetricType::Counter);
        return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    }
    Family<Gauge>& gauges(const char* name, const char* help) {
        named(name, help, prometheus::MetricType::Gauge);
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    }
    Gauge& gauge(const char* name, const char* help) { return gauges(name, help).Add({}); }
    Family<Histogram>& histogram(const char* name, const char* help) {
        named(name, help, prometheus::MetricType::Histogram);
        return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
    }

    Family<Counter>& requestFamily = counter("wasm_proxy_requests_total", "Requests answered on the data plane.");
    std::array<std::array<Counter*, OtherStatus + 1>, Surfaces.size()> requests{};
    std::array<LatencyHistogram, Surfaces.size()> requestDurations;
    Family<Counter>& answerFamily =
        counter("wasm_proxy_cache_answers_total", "Answers by where the module came from: hit, miss or stale.");
    std::array<Counter*, Answers.size()> answers{};
    Gauge& connections = gauge("wasm_proxy_connections", "Open connections on the data plane.");
    Counter& sentBytes = counter("wasm_proxy_sent_bytes_total", "Bytes sent on the data plane.").Add({});

    Family<Counter>& pulls = counter("wasm_proxy_pulls_total", "Pulls by result: success or the error's code.");
    Histogram& pullDuration =
        histogram("wasm_proxy_pull_duration_seconds", "How long pulls took, retries included.").Add({}, PullBounds);
    Family<Counter>& revalidationFamily =
        counter("wasm_proxy_revalidations_total", "Times that a registry was asked again what a tag means, by result.");
    std::array<Counter*, Revalidations.size()> revalidations{};
    Family<Counter>& staleAnswers =
        counter("wasm_proxy_stale_answers_total", "Stale modules given, by why the registry could not be asked again.");
    Family<Counter>& upstreamRequests =
        counter("wasm_proxy_upstream_requests_total", "Requests to registries; status none: no answer.");
    Gauge& flights = gauge("wasm_proxy_flights", "Upstream fetches in progress.");
    Gauge& waiters = gauge("wasm_proxy_waiters", "Requests that wait for an upstream fetch.");
    Gauge& bodiesWaiting =
        gauge("wasm_proxy_bodies_waiting", "Large bodies that wait until the link has room for them.");
    Gauge& queueDepth = gauge("wasm_proxy_queue_depth", "Pulls that wait for a worker.");

    Family<Counter>& pluginCalls = counter("wasm_proxy_plugin_calls_total", "Calls into plugins.");
    Family<Histogram>& pluginDurations =
        histogram("wasm_proxy_plugin_call_duration_seconds", "How long calls into plugins took.");
    Family<Counter>& reloads = counter("wasm_proxy_reloads_total", "Configurations that were read again.");
    Gauge& reloadSuccessful = gauge("wasm_proxy_reload_last_successful",
                                    "1 if the last configuration that was read came into force, else 0.");
    Gauge& configuredAt = gauge("wasm_proxy_configuration_last_success_timestamp_seconds",
                                "When the configuration in force came into force.");
    Gauge& cacheBytes = gauge("wasm_proxy_cache_bytes", "Bytes that the cache uses.");
    Gauge& modules = gauge("wasm_proxy_modules", "Modules known to the index.");
    Family<Gauge>& registryLimits =
        gauges("wasm_proxy_registry_limit", "Pulls that a registry allows per window, as it said last.");
    Family<Gauge>& registryRemaining = gauges("wasm_proxy_registry_limit_remaining",
                                              "Pulls left of wasm_proxy_registry_limit, as the registry said last.");

    std::mutex mutex;
    std::set<std::string> registries; // under mutex

    Families() {
        for (std::size_t surface = 0; surface < Surfaces.size(); ++surface) {
            for (std::size_t status = 0; status <= OtherStatus; ++status) {
                requests[surface][status] =
                    &requestFamily.Add({{"surface", Surfaces[surface]}, {"status", statusLabel(status)}});
            }
        }
        for (std::size_t i = 0; i < Answers.size(); ++i)
            answers[i] = &answerFamily.Add({{"result", Answers[i]}});
        for (std::size_t i = 0; i < Revalidations.size(); ++i)
            revalidations[i] = &revalidationFamily.Add({{"result", Revalidations[i]}});
        // So that the first is an increase for who counts them.
        pulls.Add({{"result", "success"}});
        for (const char* result : {"applied", "refused"})
            reloads.Add({{"result", result}});
        reloadSuccessful.Set(1);
        gauges("wasm_proxy_build_info", "1, labelled with the program's version.")
            .Add({{"version", WASMPROXY_VERSION}})
            .Set(1);
    }

    std::string registryLabel(const std::string& name) {
        if (name.empty() || name.size() > MaxRegistryLength) return "other";
        std::lock_guard<std::mutex> lock(mutex);
        if (registries.count(name) == 0) {
            if (registries.size() >= MaxRegistries) return "other";
            registries.insert(name);
        }
        return name;
    }

    prometheus::MetricFamily collectRequestDurations() const {
        prometheus::MetricFamily family;
        family.name = "wasm_proxy_request_duration_seconds";
        family.help = "From a request's last header byte to its answer's last byte.";
        family.type = prometheus::MetricType::Histogram;
        for (std::size_t i = 0; i < Surfaces.size(); ++i) {
            prometheus::ClientMetric metric;
            metric.label.push_back({"surface", Surfaces[i]});
            metric.histogram = requestDurations[i].collect();
            family.metric.push_back(std::move(metric));
        }
        return family;
    }
};

namespace {

/// New label values allocate; a figure lost for want of memory must not take the request with it.
template <class Action>
void count(Action action) noexcept {
    try {
        action();
    } catch (...) {
    }
}

} // namespace

Metrics::Metrics() : _families(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::request(const char* surface, int status, double seconds) noexcept {
    const std::size_t index = indexOf(Surfaces, surface);
    _families->requests[index][statusIndex(status)]->Increment();
    _families->requestDurations[index].observe(seconds);
}

void Metrics::cacheAnswer(const char* result) noexcept {
    _families->answers[indexOf(Answers, result)]->Increment();
}
void Metrics::connectionOpened() noexcept {
    _families->connections.Increment();
}
void Metrics::connectionClosed() noexcept {
    _families->connections.Decrement();
}
void Metrics::bytesSent(double bytes) noexcept {
    _families->sentBytes.Increment(bytes);
}

void Metrics::pull(const char* result, double seconds) noexcept {
    count([&] {
        _families->pulls.Add({{"result", result}}).Increment();
        _families->pullDuration.Observe(seconds);
    });
}

void Metrics::revalidation(const char* result) noexcept {
    _families->revalidations[indexOf(Revalidations, result)]->Increment();
}

void Metrics::staleAnswer(const char* reason) noexcept {
    count([&] { _families->staleAnswers.Add({{"reason", reason}}).Increment(); });
}

void Metrics::upstreamRequest(const std::string& registry, const std::string& method, int status) noexcept {
    count([&] {
        const std::string answer = status <= 0 ? "none" : statusLabel(statusIndex(status));
        _families->upstreamRequests
            .Add(
                {{"registry", _families->registryLabel(registry)}, {"method", methodLabel(method)}, {"status", answer}})
            .Increment();
    });
}

void Metrics::flightStarted() noexcept {
    _families->flights.Increment();
}
void Metrics::flightEnded() noexcept {
    _families->flights.Decrement();
}
void Metrics::waiters(int delta) noexcept {
    _families->waiters.Increment(delta);
}
void Metrics::bodiesWaiting(int delta) noexcept {
    _families->bodiesWaiting.Increment(delta);
}
void Metrics::queueDepth(double depth) noexcept {
    _families->queueDepth.Set(depth);
}

void Metrics::pluginCall(const std::string& instance, const char* method, double seconds, bool failed) noexcept {
    count([&] {
        _families->pluginCalls
            .Add({{"component", instance}, {"method", method}, {"result", failed ? "failure" : "success"}})
            .Increment();
        _families->pluginDurations.Add({{"component", instance}, {"method", method}}, CallBounds).Observe(seconds);
    });
}

std::map<std::string, Metrics::PluginCalls> Metrics::pluginCalls() const {
    std::map<std::string, PluginCalls> all;
    for (const auto& family : _families->pluginCalls.Collect())
        for (const auto& metric : family.metric) {
            std::string instance;
            bool failure = false;
            for (const auto& label : metric.label) {
                if (label.name == "component") instance = label.value;
                if (label.name == "result") failure = label.value == "failure";
            }
            const auto count = static_cast<std::uint64_t>(metric.counter.value);
            all[instance].calls += count;
            if (failure) all[instance].failures += count;
        }
    return all;
}

void Metrics::reload(bool applied) noexcept {
    count([&] { _families->reloads.Add({{"result", applied ? "applied" : "refused"}}).Increment(); });
    _families->reloadSuccessful.Set(applied ? 1 : 0);
}

void Metrics::configured() noexcept {
    _families->configuredAt.SetToCurrentTime();
}

void Metrics::cacheBytes(double bytes) noexcept {
    _families->cacheBytes.Set(bytes);
}
void Metrics::modules(double number) noexcept {
    _families->modules.Set(number);
}

void Metrics::registryLimit(const std::string& instance, double limit, double remaining) noexcept {
    const auto show = [&](prometheus::Family<prometheus::Gauge>& family, double value) {
        auto& gauge = family.Add({{"component", instance}});
        if (value < 0)
            family.Remove(&gauge);
        else
            gauge.Set(value);
    };
    count([&] {
        const std::lock_guard<std::mutex> lock(_families->mutex); // or one scrape removes what another sets
        show(_families->registryLimits, limit);
        show(_families->registryRemaining, remaining);
    });
}

void Metrics::beforeText(std::function<void(AskedFigures&)> refresh) {
    _refresh = std::move(refresh);
}

namespace {

prometheus::MetricFamily familyOf(const AskedFigures::Family& asked) {
    const bool counter = asked.kind == AskedFigures::Kind::Counter;
    prometheus::MetricFamily family{asked.name, asked.help, {}, {}};
    family.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const auto& [labels, value] : asked.series()) {
        prometheus::ClientMetric metric;
        for (const auto& [name, text] : labels)
            metric.label.push_back({name, text});
        (counter ? metric.counter.value : metric.gauge.value) = value;
        family.metric.push_back(std::move(metric));
    }
    return family;
}

} // namespace

std::string Metrics::text() const {
    AskedFigures asked;
    if (_refresh) _refresh(asked);
    auto families = _families->registry.Collect();
    families.push_back(_families->collectRequestDurations());
    for (const auto& family : asked.families())
        families.push_back(familyOf(family));
    std::set<std::string> shown;
    for (const auto& family : families)
        shown.insert(family.name);
    for (const auto& family : _families->names)
        if (shown.count(family.name) == 0) families.push_back(family);
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return out.str();
}

} // namespace wasmproxy::host
