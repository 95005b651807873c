// SPDX-License-Identifier: Apache-2.0
#include "Report.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <cstdio>

namespace wasmproxy::test {
namespace {

std::string figure(const std::optional<double>& seconds) {
    if (!seconds) return "never";
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f s", *seconds);
    return text;
}

std::string causes(const FleetResult& result) {
    std::string text;
    for (const auto& [cause, count] : result.causes)
        text += (text.empty() ? "" : "; ") + std::to_string(count) + " x " + cause;
    return text;
}

} // namespace

void printProgress(std::ostream& out, const ReportRow& row) {
    const auto& result = row.result;
    out << row.fault->name << ", " << row.system << ": " << result.denied << " deny-alls, last agent "
        << figure(result.percentile(1)) << (result.denied > 0 ? "; " : "") << causes(result) << std::endl;
}

void printTable(std::ostream& out, const std::vector<ReportRow>& rows) {
    out << "| fault | agents ask | deny-all | still at the end | p50 | p99 | last agent | upstream requests | causes "
           "|\n"
        << "|---|---|---|---|---|---|---|---|---|\n";
    for (const auto& row : rows) {
        const auto& result = row.result;
        out << "| " << row.fault->title << " | " << row.system << " | " << result.denied << " | " << result.deniedAtEnd
            << " | " << figure(result.percentile(0.5)) << " | " << figure(result.percentile(0.99)) << " | "
            << figure(result.percentile(1)) << " | " << row.upstreamRequests << " | " << causes(result) << " |\n";
    }
    out.flush();
}

void printFaults(std::ostream& out, const std::vector<const Fault*>& faults) {
    for (const auto* fault : faults)
        out << "- " << fault->name << " (" << fault->title << "): " << fault->when << "\n";
    out.flush();
}

void printJson(std::ostream& out, const std::vector<ReportRow>& rows) {
    Poco::JSON::Array list;
    for (const auto& row : rows) {
        Poco::JSON::Object object;
        object.set("fault", row.fault->name);
        object.set("system", row.system);
        object.set("agents", row.result.agents);
        object.set("denied", row.result.denied);
        object.set("deniedAtEnd", row.result.deniedAtEnd);
        for (const auto& [name, part] : {std::pair{"p50", 0.5}, std::pair{"p99", 0.99}, std::pair{"last", 1.0}})
            if (const auto seconds = row.result.percentile(part)) object.set(name, *seconds);
        object.set("upstreamRequests", row.upstreamRequests);
        Poco::JSON::Object why;
        for (const auto& [cause, count] : row.result.causes)
            why.set(cause, count);
        object.set("causes", why);
        list.add(object);
    }
    list.stringify(out, 2);
    out << "\n";
}

} // namespace wasmproxy::test
