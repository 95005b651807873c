// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminRoutes.h"

#include "admin/RequestRules.h"

#include <Poco/Exception.h>
#include <Poco/URI.h>
#include <algorithm>
#include <stdexcept>

namespace wasmproxy::host {

namespace {

using Segments = std::vector<std::string>;

bool takesRest(const std::string& pattern) {
    return pattern.size() > 5 && pattern.front() == '{' && pattern.compare(pattern.size() - 4, 4, "...}") == 0;
}

bool takesOne(const std::string& pattern) {
    return !takesRest(pattern) && pattern.size() > 2 && pattern.front() == '{' && pattern.back() == '}';
}

Segments split(const std::string& path) {
    Segments segments;
    for (std::size_t at = 1; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        segments.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return segments;
}

std::string decoded(const std::string& segment) {
    std::string text;
    try {
        Poco::URI::decode(segment, text);
    } catch (const Poco::Exception&) {
        throw RequestRefusal{400, "the path is malformed"};
    }
    const bool control = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
    if (control || text == "." || text == "..") throw RequestRefusal{400, "the path is malformed"};
    return text;
}

/// How precisely `pattern` matches; the greater the better, segment by segment. Empty: it does not.
std::string rank(const Segments& pattern, const Segments& path) {
    std::string result;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (i >= path.size()) return {};
        if (takesRest(pattern[i])) return path[i].empty() ? std::string() : result + '1';
        if (takesOne(pattern[i])) {
            if (path[i].empty()) return {};
            result += '2';
        } else if (pattern[i] == path[i]) {
            result += '3';
        } else {
            return {};
        }
    }
    return pattern.size() == path.size() ? result : std::string();
}

std::map<std::string, std::string> valuesOf(const Segments& pattern, const Segments& path) {
    std::map<std::string, std::string> values;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string& name = pattern[i];
        if (takesOne(name)) values[name.substr(1, name.size() - 2)] = path[i];
        if (!takesRest(name)) continue;
        std::string& rest = values[name.substr(1, name.size() - 5)];
        for (std::size_t k = i; k < path.size(); ++k)
            rest += (k == i ? "" : "/") + path[k];
    }
    return values;
}

} // namespace

void AdminRoutes::add(AdminOperation operation) {
    static const std::vector<std::string> methods{"GET", "POST", "PUT", "PATCH", "DELETE"};
    const std::string shown = operation.method + " " + operation.path;
    if (std::find(methods.begin(), methods.end(), operation.method) == methods.end() || operation.path.size() < 2 ||
        operation.path[0] != '/' || operation.path.back() == '/' || !operation.handler)
        throw std::logic_error("not an operation: " + shown);
    if (operation.method == "GET" && operation.bodyLimit != 0) throw std::logic_error(shown + " would have a body");
    Segments pattern = split(operation.path);
    for (std::size_t i = 0; i + 1 < pattern.size(); ++i)
        if (takesRest(pattern[i])) throw std::logic_error("segments after the rest: " + shown);
    for (std::size_t i = 0; i < _operations.size(); ++i)
        if (_patterns[i] == pattern && _operations[i].method == operation.method)
            throw std::logic_error("twice: " + shown);
    _patterns.push_back(std::move(pattern));
    _operations.push_back(std::move(operation));
}

AdminRoutes::Match AdminRoutes::find(const std::string& method, const std::string& path) const {
    Segments given = split(path);
    for (std::string& segment : given)
        segment = decoded(segment);
    if (given.size() > 1 && given.back().empty()) given.pop_back();
    const std::string wanted = method == "HEAD" ? "GET" : method;
    std::string best;
    Match match;
    for (std::size_t i = 0; i < _operations.size(); ++i) {
        const std::string rated = rank(_patterns[i], given);
        if (rated.empty()) continue;
        const AdminOperation& operation = _operations[i];
        const std::string named = operation.method == "GET" ? "GET, HEAD" : operation.method;
        if (match.allow.find(named) == std::string::npos) match.allow += (match.allow.empty() ? "" : ", ") + named;
        if (operation.method != wanted || rated <= best) continue;
        best = rated;
        match.operation = &operation;
        match.segments = valuesOf(_patterns[i], given);
    }
    return match;
}

} // namespace wasmproxy::host
