// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

namespace wasmproxy::test {

/// A family of metrics: as it is served, or as docs/metrics.md has it.
struct MetricFamily {
    std::string type;
    std::set<std::string> labels; ///< but `le`

    bool operator==(const MetricFamily& other) const { return type == other.type && labels == other.labels; }
};
using MetricFamilies = std::map<std::string, MetricFamily>; // by name

/// What a text in Prometheus' format has; labels of the series that it shows.
MetricFamilies familiesIn(const std::string& text);
/// The first table of docs/metrics.md.
MetricFamilies documentedFamilies();
/// Every `wasm_proxy_…` that a text names, without what a histogram's series add.
std::set<std::string> metricsNamedIn(const std::string& text);
/// The expressions of the dashboard's panels, its variables filled in.
std::set<std::string> dashboardExpressions();

} // namespace wasmproxy::test
