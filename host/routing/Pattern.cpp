// SPDX-License-Identifier: Apache-2.0
#include "routing/Pattern.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr std::size_t MaxLength = 255; // as references themselves

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (true) {
        const auto slash = text.find('/');
        parts.emplace_back(text.substr(0, slash));
        if (slash == std::string_view::npos) return parts;
        text.remove_prefix(slash + 1);
    }
}

bool hasStar(const std::string& component) {
    return component.find('*') != std::string::npos;
}

// One component against one glob with `*` only: remembers the last star, so it never recurses.
bool globMatches(std::string_view glob, std::string_view text) {
    std::size_t g = 0, t = 0, star = std::string_view::npos, mark = 0;
    while (t < text.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            mark = t;
        } else if (g < glob.size() && glob[g] == text[t]) {
            ++g;
            ++t;
        } else if (star != std::string_view::npos) {
            g = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (g < glob.size() && glob[g] == '*')
        ++g;
    return g == glob.size();
}

// 0 literal, 1 with `*`, 2 `**`.
int rank(const std::string& component) {
    return component == "**" ? 2 : hasStar(component) ? 1 : 0;
}

} // namespace

Pattern::Pattern(std::string_view text) : _text(text) {
    const auto fail = [&](const std::string& why) {
        throw Error(ErrorCode::SettingsInvalid, "\"" + std::string(text.substr(0, MaxLength)) + "\" " + why +
                                                    "; expected host/path such as registry.example.com/team/**");
    };
    if (text.size() > MaxLength) fail("is longer than 255 characters");
    for (const char c : text) {
        const bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                        std::string_view("._-:/*[]").find(c) != std::string_view::npos;
        if (!ok) fail(c >= 'A' && c <= 'Z' ? "has an upper-case letter" : "has a character no repository has");
    }
    _components = split(text);
    if (_components.size() < 2) fail("has no path");
    if (std::any_of(_components.begin(), _components.end(), [](const auto& part) { return part.empty(); }))
        fail("has an empty component");
    for (const auto& part : _components)
        if (part != "**" && part.find("**") != std::string::npos) fail("has ** beside other characters");
    if (_components.front() == "**") fail("begins with **, which would serve every registry there is");

    auto& host = _components.front();
    if (host.find_first_of(".:*") == std::string::npos && host != "localhost")
        fail("begins with a component that is no host (a host has a dot or a port)");
    if (!hasStar(host)) {
        // References are normalised the same way (Repository), so a pattern for an alias would never match.
        if (host == "index.docker.io" || host == "registry-1.docker.io") host = "docker.io";
        _literalHost = host;
        if (_literalHost == "docker.io" && _components.size() == 2 && !hasStar(_components[1]))
            _components.insert(_components.begin() + 1, "library"); // `host` is gone from here on
    }
}

bool Pattern::matches(const Repository& repository) const {
    const auto parts = split(repository.str());
    // reach[i]: the pattern's components so far match the first i parts.
    std::vector<bool> reach(parts.size() + 1, false);
    reach[0] = true;
    for (const auto& component : _components) {
        std::vector<bool> next(parts.size() + 1, false);
        if (component == "**") {
            bool any = false;
            const bool last = &component == &_components.back();
            for (std::size_t i = 0; i <= parts.size(); ++i) {
                next[i] = last ? any : (any || reach[i]);
                any = any || reach[i];
            }
        } else {
            for (std::size_t i = 0; i < parts.size(); ++i)
                if (reach[i] && globMatches(component, parts[i])) next[i + 1] = true;
        }
        reach.swap(next);
    }
    return reach[parts.size()];
}

bool Pattern::moreSpecific(const Pattern& a, const Pattern& b) {
    const auto count = std::min(a._components.size(), b._components.size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto& x = a._components[i];
        const auto& y = b._components[i];
        if (rank(x) != rank(y)) return rank(x) < rank(y);
        if (rank(x) == 1 && x.size() != y.size()) return x.size() > y.size();
    }
    if (a._components.size() != b._components.size()) return a._components.size() > b._components.size();
    return a._text < b._text;
}

} // namespace wasmproxy::host
