// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionFields.h"

#include <algorithm>
#include <cctype>

namespace wasmproxy::host {

namespace {

constexpr std::size_t MostProblems = 50;

std::string folded(std::string text) {
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '_' || c == '-'; }), text.end());
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// Case, dashes and one letter that is wrong, missing or too many.
bool near(const std::string& word, const std::string& known) {
    const auto a = folded(word.substr(0, 64));
    const auto b = folded(known);
    const auto start = static_cast<std::size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin())
            .first -
        a.begin());
    if (start == std::max(a.size(), b.size())) return true;
    const auto rest = [&](const std::string& text, std::size_t skip) {
        return text.substr(std::min(text.size(), skip));
    };
    return rest(a, start + 1) == rest(b, start + 1) || rest(a, start + 1) == rest(b, start) ||
           rest(a, start) == rest(b, start + 1);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

} // namespace

void ExtensionFields::problem(const std::string& key, std::string message) const {
    if (_problems.size() < MostProblems) _problems.push_back({path(key), std::move(message)});
}

const DocumentNode* ExtensionFields::get(const char* key, DocumentNode::Kind kind, const char* expected) const {
    const auto* node = _map.find(key);
    if (!node || node->kind == kind) return node;
    const bool quotable = kind == DocumentNode::Kind::Text &&
                          (node->kind == DocumentNode::Kind::Number || node->kind == DocumentNode::Kind::Boolean);
    problem(key, std::string("must be ") + expected + ", not " + node->kindName() +
                     (quotable ? "; write it in quotes" : ""));
    return nullptr;
}

std::string ExtensionFields::text(const char* key) const {
    const auto* node = get(key, DocumentNode::Kind::Text, "a text");
    return node ? node->text : "";
}

std::string ExtensionFields::oneOf(const char* key, const std::vector<std::string>& words) const {
    auto value = text(key);
    if (value.empty() || std::find(words.begin(), words.end(), value) != words.end()) return value;
    problem(key, quotedStart(value) + " is none of " + joined(words));
    return {};
}

std::vector<std::string> ExtensionFields::texts(const char* key) const {
    std::vector<std::string> result;
    if (const auto* node = list(key)) {
        for (const auto& item : node->items) {
            if (item.kind == DocumentNode::Kind::Text && !item.text.empty())
                result.push_back(item.text);
            else
                problem(std::string(key) + "[" + std::to_string(&item - node->items.data()) + "]",
                        "must be a text that is not empty");
        }
    }
    return result;
}

std::int64_t ExtensionFields::integer(const char* key, std::int64_t least, std::int64_t most) const {
    const auto* node = get(key, DocumentNode::Kind::Number, "a whole number");
    if (!node) return 0;
    const bool digits = node->text.size() < 18 &&
                        node->text.find_first_not_of("0123456789", node->text[0] == '-' ? 1 : 0) == std::string::npos;
    const std::int64_t value = digits ? std::stoll(node->text) : most;
    if (digits && value >= least && value <= most) return value;
    problem(key, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return 0;
}

const DocumentNode* ExtensionFields::map(const char* key) const {
    return get(key, DocumentNode::Kind::Map, "a map");
}

const DocumentNode* ExtensionFields::list(const char* key) const {
    return get(key, DocumentNode::Kind::List, "a list");
}

void ExtensionFields::refuseOthers(const std::vector<std::string>& known,
                                   const std::vector<std::string>& ignored) const {
    const auto contains = [](const std::vector<std::string>& words, const std::string& word) {
        return std::find(words.begin(), words.end(), word) != words.end();
    };
    for (const auto& [key, value] : _map.members) {
        if (contains(known, key) || contains(ignored, key)) continue;
        const auto meant =
            std::find_if(known.begin(), known.end(), [&name = key](const auto& each) { return near(name, each); });
        const auto shown = quotedStart(key);
        problem(shown.substr(1, shown.size() - 2), meant != known.end() ? "is not known; did you mean " + *meant + "?"
                                                                        : "is not known; known are " + joined(known));
    }
}

} // namespace wasmproxy::host
