// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings/HostSettings.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace wasmproxy::host {

inline std::string show(const std::vector<SettingsProblem>& problems) {
    std::string text;
    for (const SettingsProblem& problem : problems)
        text += problem.origin + " | " + problem.key + " | " + problem.message + "\n";
    return text;
}

inline std::string show(const SettingsDocument& document) {
    std::string text;
    for (const SettingsSection& section : document.sections) {
        text += '[' + section.kind + (section.name.empty() ? "" : "." + section.name) + "]";
        for (const KeyValue& value : section.values)
            text += ' ' + value.key + "='" + value.value + '\'';
        text += '\n';
    }
    return text;
}

/// One problem, exactly there, whose message says `part`.
struct Expectation {
    std::string origin;
    std::string key;
    std::string part;
};

inline void expectProblems(const std::string& input, const std::vector<SettingsProblem>& problems,
                           const std::vector<Expectation>& expected) {
    const std::string context = "input:\n" + input.substr(0, 400) + "\nproblems:\n" + show(problems);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(context, expected.size(), problems.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(context, expected[i].origin, problems[i].origin);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(context, expected[i].key, problems[i].key);
        CPPUNIT_ASSERT_MESSAGE(context + "wanted: " + expected[i].part,
                               problems[i].message.find(expected[i].part) != std::string::npos);
    }
}

} // namespace wasmproxy::host
