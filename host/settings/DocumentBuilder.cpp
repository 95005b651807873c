// SPDX-License-Identifier: Apache-2.0
#include "settings/DocumentBuilder.h"

#include <Poco/UTF8Encoding.h>

namespace wasmproxy::host {
namespace {

bool isLower(char c) {
    return c >= 'a' && c <= 'z';
}
bool isNameCharacter(char c) {
    return isLower(c) || (c >= '0' && c <= '9') || c == '-';
}

/// What an operator typed, fit for a message: short and printable.
std::string shown(const std::string& text) {
    constexpr std::size_t Longest = 64;
    std::string result;
    for (const char c : text.substr(0, Longest)) {
        result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    return text.size() > Longest ? result + "…" : result;
}

} // namespace

DocumentBuilder::DocumentBuilder(std::string file, std::vector<SettingsProblem>& problems)
    : _file(std::move(file)), _problems(problems), _problemsBefore(problems.size()) {}

void DocumentBuilder::section(const std::string& kind, const std::string& name, std::size_t line) {
    std::string message = nameProblem(kind, "section");
    if (message.empty() && !name.empty()) message = nameProblem(name, "section");
    if (message.empty()) {
        const auto [earlier, added] = _seenSections.emplace(kind + "." + name, origin(line));
        if (!added) message = "this section is repeated; the first one is at " + earlier->second;
    }
    if (!message.empty()) {
        const std::string full = shown(name.empty() ? kind : kind + "." + name);
        problem(line, full, message);
        _rejected = {};
        _current = &_rejected;
    } else {
        _document.sections.push_back({kind, name, origin(line), {}});
        _current = &_document.sections.back();
    }
    _seenKeys.clear();
}

void DocumentBuilder::wrongSection(std::size_t line, const std::string& message) {
    problem(line, "", message);
    _rejected = {};
    _current = &_rejected;
    _seenKeys.clear();
}

void DocumentBuilder::value(const std::string& key, const std::string& text, std::size_t line) {
    if (_current == nullptr) {
        problem(line, shown(key), "this key is in no section; put a line like [pull] above it");
        return;
    }
    const std::string full = _current->kind.empty() ? shown(key) : _current->prefix() + shown(key);
    if (const std::string message = nameProblem(key, "key"); !message.empty()) {
        problem(line, full, message);
    } else if (const std::string wrong = textProblem(text); !wrong.empty()) {
        problem(line, full, wrong);
    } else if (!_seenKeys.insert(key).second) {
        problem(line, full, "this key is repeated in its section; keep one of them");
    } else {
        _current->values.push_back({key, text, origin(line)});
    }
}

void DocumentBuilder::problem(std::size_t line, const std::string& key, const std::string& message) {
    const std::size_t already = _problems.size() - _problemsBefore;
    if (already < MaxSettingsProblems) {
        _problems.push_back({origin(line), key, message});
    } else if (already == MaxSettingsProblems) {
        _problems.push_back({origin(0), "", "more problems are not shown; correct the ones above first"});
    }
}

std::string DocumentBuilder::origin(std::size_t line) const {
    return line == 0 ? _file : _file + ":" + std::to_string(line);
}

std::string DocumentBuilder::nameProblem(const std::string& name, const char* what) {
    bool good = !name.empty() && isLower(name[0]);
    for (const char c : name)
        good = good && isNameCharacter(c);
    if (good) return {};
    if (name.empty()) return std::string("a ") + what + " without a name";
    return std::string("'") + shown(name) + "' is no name of a " + what +
           "; names are lower-case letters, digits and '-', and begin with a letter";
}

std::string DocumentBuilder::textProblem(const std::string& text) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t i = 0;
    while (i < text.size()) {
        if ((bytes[i] < 0x20 && bytes[i] != '\t') || bytes[i] == 0x7f) {
            return "the value holds a control character or a line break";
        }
        const std::size_t length = bytes[i] < 0x80 ? 1 : bytes[i] < 0xE0 ? 2 : bytes[i] < 0xF0 ? 3 : 4;
        if (i + length > text.size() || !Poco::UTF8Encoding::isLegal(bytes + i, static_cast<int>(length))) {
            return "the value is not UTF-8";
        }
        i += length;
    }
    return {};
}

std::string DocumentBuilder::trim(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

} // namespace wasmproxy::host
