// SPDX-License-Identifier: Apache-2.0
#include "LinkHeader.h"

#include <algorithm>
#include <string_view>

namespace wasmproxy {

namespace {

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool sameWord(std::string_view text, std::string_view lower) {
    return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
               return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
           });
}

/// Where the first of `ends` stands outside quotes.
std::size_t endOf(std::string_view text, std::string_view ends) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') quoted = !quoted;
        if (text[i] == '\\' && quoted) {
            ++i;
        } else if (!quoted && ends.find(text[i]) != std::string_view::npos) {
            return i;
        }
    }
    return text.size();
}

/// `rel=next`, `REL = "prev next"`.
bool isNext(std::string_view parameter) {
    const auto equals = parameter.find('=');
    if (equals == std::string_view::npos || !sameWord(trimmed(parameter.substr(0, equals)), "rel")) return false;
    auto words = trimmed(parameter.substr(equals + 1));
    if (words.size() >= 2 && words.front() == '"' && words.back() == '"') words = words.substr(1, words.size() - 2);
    while (!words.empty()) {
        const auto space = std::min(words.find(' '), words.size());
        if (sameWord(words.substr(0, space), "next")) return true;
        words.remove_prefix(std::min(space + 1, words.size()));
    }
    return false;
}

} // namespace

std::optional<std::string> nextLink(const std::vector<std::string>& headerValues) {
    for (const auto& value : headerValues) {
        std::string_view rest = value;
        // A target may hold commas and semicolons, so that links are told apart only outside the brackets.
        for (auto open = rest.find('<'); open != std::string_view::npos; open = rest.find('<')) {
            const auto close = rest.find('>', open);
            if (close == std::string_view::npos) break;
            const auto target = rest.substr(open + 1, close - open - 1);
            rest.remove_prefix(close + 1);
            auto parameters = rest.substr(0, endOf(rest, ","));
            rest.remove_prefix(parameters.size());
            while (!parameters.empty()) {
                const auto end = endOf(parameters, ";");
                if (isNext(parameters.substr(0, end))) return std::string(target);
                parameters.remove_prefix(std::min(end + 1, parameters.size()));
            }
        }
    }
    return {};
}

} // namespace wasmproxy
