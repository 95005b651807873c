// SPDX-License-Identifier: Apache-2.0
#include "Observability.h"

#include "support/OciLayout.h"
#include "support/TemporaryFolder.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <regex>
#include <sstream>
#include <stdexcept>

namespace wasmproxy::test {
namespace {

void replaceAll(std::string& text, const std::string& what, const std::string& with) {
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

std::string withoutSuffix(const std::string& name, const MetricFamilies& families) {
    if (families.count(name) != 0) return name;
    for (const std::string suffix : {"_bucket", "_sum", "_count"})
        if (name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0)
            return name.substr(0, name.size() - suffix.size());
    return name;
}

} // namespace

MetricFamilies familiesIn(const std::string& text) {
    MetricFamilies families;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string mark, kind, name, type;
        if (line.rfind("# TYPE ", 0) == 0) {
            words >> mark >> kind >> name >> type;
            if (!families.insert({name, {type, {}}}).second) throw std::runtime_error(name + " is there twice");
        }
        if (line.empty() || line[0] == '#') continue;
        const auto end = line.find_first_of("{ ");
        const auto family = families.find(withoutSuffix(line.substr(0, end), families));
        if (family == families.end()) throw std::runtime_error("a series of no family: " + line);
        static const std::regex label("[{,]([a-zA-Z_]+)=\"");
        for (std::sregex_iterator it(line.begin(), line.end(), label), last; it != last; ++it)
            if ((*it)[1] != "le") family->second.labels.insert((*it)[1]);
    }
    return families;
}

MetricFamilies documentedFamilies() {
    MetricFamilies families;
    std::istringstream lines(readFile(SOURCE_ROOT "/docs/metrics.md"));
    static const std::regex row(R"(^\| `(wasm_proxy_\w+)` \| (\w+) \|([^|]*)\| [^|]+ \|$)");
    static const std::regex word("`(\\w+)`");
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (!std::regex_match(line, match, row)) continue;
        MetricFamily family{match[2], {}};
        const std::string labels = match[3];
        for (std::sregex_iterator it(labels.begin(), labels.end(), word), last; it != last; ++it)
            family.labels.insert((*it)[1]);
        if (!families.insert({match[1], family}).second) throw std::runtime_error("documented twice: " + line);
    }
    return families;
}

std::set<std::string> metricsNamedIn(const std::string& text) {
    const auto known = documentedFamilies();
    std::set<std::string> names;
    static const std::regex name("wasm_proxy_\\w+");
    for (std::sregex_iterator it(text.begin(), text.end(), name), last; it != last; ++it)
        names.insert(withoutSuffix(it->str(), known));
    return names;
}

std::set<std::string> dashboardExpressions() {
    std::set<std::string> expressions;
    const auto text = readFile(SOURCE_ROOT "/packaging/observability/grafana-dashboard.json");
    const auto dashboard = Poco::JSON::Parser().parse(text).extract<Poco::JSON::Object::Ptr>();
    const auto panels = dashboard->getArray("panels");
    for (std::size_t i = 0; i < panels->size(); ++i) {
        const auto targets = panels->getObject(static_cast<unsigned>(i))->getArray("targets");
        for (std::size_t k = 0; targets && k < targets->size(); ++k) {
            auto expression = targets->getObject(static_cast<unsigned>(k))->getValue<std::string>("expr");
            replaceAll(expression, "$__rate_interval", "5m");
            replaceAll(expression, "$job", "wasm-proxy");
            expressions.insert(expression);
        }
    }
    return expressions;
}

} // namespace wasmproxy::test
