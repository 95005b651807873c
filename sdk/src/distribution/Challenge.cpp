// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/Challenge.h"

#include <algorithm>

namespace wasmproxy {

namespace {

constexpr std::size_t MaximumValue = 16 * 1024;
constexpr std::size_t MaximumChallenges = 16;
constexpr std::size_t MaximumParameters = 32;

/// Reads one header value from left to right.
class Cursor {
public:
    explicit Cursor(std::string_view text) : _text(text) {}

    bool atEnd() const { return _at >= _text.size(); }
    char peek() const { return atEnd() ? '\0' : _text[_at]; }
    void skip() { ++_at; }
    void skipAll(std::string_view set) { _at = std::min(_text.find_first_not_of(set, _at), _text.size()); }
    bool skipIf(char c) {
        if (peek() != c) return false;
        ++_at;
        return true;
    }
    std::string until(std::string_view stop) {
        const std::size_t end = std::min(_text.find_first_of(stop, _at), _text.size());
        std::string part(_text.substr(_at, end - _at));
        _at = end;
        return part;
    }
    std::string quoted() {
        std::string part;
        skip();
        while (!atEnd() && peek() != '"') {
            if (peek() == '\\' && _at + 1 < _text.size()) skip();
            part += peek();
            skip();
        }
        skip();
        return part;
    }

private:
    std::string_view _text;
    std::size_t _at = 0;
};

std::string lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    return text;
}

void parseLine(std::string_view line, std::vector<Challenge>& challenges) {
    Cursor at(line.substr(0, MaximumValue));
    bool open = false; // whether parameters now belong to a challenge of this line
    while (true) {
        at.skipAll(" \t,");
        if (at.atEnd()) return;
        const std::string word = at.until(" \t,=\"");
        at.skipAll(" \t");
        if (at.skipIf('=')) {
            at.skipAll(" \t");
            if (word.empty() || at.peek() == '=') { // token68, or no name: nothing that we could use
                at.until(" \t,");
                continue;
            }
            std::string value = at.peek() == '"' ? at.quoted() : at.until(" \t,");
            if (open && challenges.back().parameters.size() < MaximumParameters)
                challenges.back().parameters.emplace(lowered(word), std::move(value));
        } else if (word.empty()) {
            at.quoted();
        } else {
            if (challenges.size() == MaximumChallenges) return;
            challenges.push_back({lowered(word), {}});
            open = true;
        }
    }
}

} // namespace

std::string Challenge::parameter(const std::string& name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
}

std::vector<Challenge> Challenge::parse(const std::vector<std::string>& headerValues) {
    std::vector<Challenge> challenges;
    for (const auto& value : headerValues)
        parseLine(value, challenges);
    return challenges;
}

} // namespace wasmproxy
