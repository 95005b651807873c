// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings/SettingsDocument.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::host {

constexpr std::size_t MaxSettingsBytes = 1 << 20;
/// More problems than a person reads at once are not kept: a wrong file of 1 MiB could have a million.
constexpr std::size_t MaxSettingsProblems = 100;

/// The rules that INI, XML and environment share: names, repetition, characters of values.
class DocumentBuilder {
public:
    DocumentBuilder(std::string file, std::vector<SettingsProblem>& problems);

    /// Begins a section. If something is wrong with it, its values are still checked but not kept.
    void section(const std::string& kind, const std::string& name, std::size_t line);
    /// As section(), for a header whose form is already wrong.
    void wrongSection(std::size_t line, const std::string& message);
    void value(const std::string& key, const std::string& text, std::size_t line);
    void problem(std::size_t line, const std::string& key, const std::string& message);
    /// Line 0: the file as a whole.
    std::string origin(std::size_t line) const;
    SettingsDocument take() { return std::move(_document); }

    /// "" or what is wrong with a kind, section or key name; `what` is "section" or "key".
    static std::string nameProblem(const std::string& name, const char* what);
    /// "" or what is wrong with a value.
    static std::string textProblem(const std::string& text);
    static std::string trim(const std::string& text);

private:
    std::string _file;
    std::vector<SettingsProblem>& _problems;
    std::size_t _problemsBefore;
    SettingsDocument _document;
    SettingsSection _rejected;
    SettingsSection* _current = nullptr;              ///< in _document or _rejected; nullptr before the first section
    std::map<std::string, std::string> _seenSections; ///< "kind.name" -> origin
    std::set<std::string> _seenKeys;                  ///< of the current section
};

} // namespace wasmproxy::host
