// SPDX-License-Identifier: Apache-2.0
#include "settings/SettingsReference.h"
#include "Expectation.h"
#include "settings/SectionReference.h"

#include <set>
#include <sstream>

namespace wasmproxy::host {

class SettingsReferenceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SettingsReferenceTest);
    CPPUNIT_TEST(iniIsValidWithAndWithoutItsMarks);
    CPPUNIT_TEST(iniDefaultsAreAccepted);
    CPPUNIT_TEST(markdownHasEveryKey);
    CPPUNIT_TEST(markdownIsEscaped);
    CPPUNIT_TEST_SUITE_END();

    using Problems = std::vector<SettingsProblem>;

    static std::vector<PluginReference> plugins() {
        return {{"cache", "disk", {{"directory", "text", "", "Where.\nSecond | line.", true}}},
                {"cache", "memory", {{"limit", "size", "64MiB", "How much.", false}}},
                {"credential", "file", {{"docker-config", "text", "", "A file.", false}}},
                {"backend", "oci", {{"plain-http", "true/false", "false", "No TLS.", false}}}};
    }

    /// Every `#[section]` and `#key = …` line in force.
    static std::string uncommented(const std::string& ini) {
        std::istringstream lines(ini);
        std::string out;
        for (std::string line; std::getline(lines, line);) {
            const bool mark = line.size() > 1 && line[0] == '#' && line[1] != ' ';
            out += (mark ? line.substr(1) : line) + '\n';
        }
        return out;
    }

public:
    void iniIsValidWithAndWithoutItsMarks() {
        const std::string ini = printSettingsIni(plugins());
        Problems problems;
        CPPUNIT_ASSERT(readIni(ini, "f", problems).sections.empty());
        const SettingsDocument document = readIni(uncommented(ini), "f", problems);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(ini, std::string(), show(problems));
        CPPUNIT_ASSERT(document.find("cache", "memory") != nullptr);
        std::size_t keys = 0;
        std::size_t printed = 0;
        for (const SectionReference& section : referenceSections(plugins()))
            keys += section.settings.size();
        for (const SettingsSection& section : document.sections)
            printed += section.values.size();
        CPPUNIT_ASSERT_EQUAL(keys, printed);
        CPPUNIT_ASSERT(printed > 50);
    }

    void iniDefaultsAreAccepted() {
        Problems problems;
        HostSettings settings;
        settings.apply(readIni(uncommented(printSettingsIni(plugins())), "f", problems), problems);
        // Only what has no default is missing.
        for (const SettingsProblem& problem : problems)
            CPPUNIT_ASSERT_MESSAGE(show(problems), problem.key == "route.example.match");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), problems.size());
        CPPUNIT_ASSERT_EQUAL(HostSettings().pull.hold.get().count(), settings.pull.hold.get().count());
    }

    void markdownHasEveryKey() {
        const std::string text = printSettingsMarkdown(plugins());
        for (const SectionReference& section : referenceSections(plugins())) {
            CPPUNIT_ASSERT(text.find("\n## [" + section.header + "]\n") != std::string::npos);
            for (const SettingDescription& setting : section.settings)
                CPPUNIT_ASSERT_MESSAGE(setting.key, text.find("\n| `" + setting.key + "` | ") != std::string::npos);
        }
        CPPUNIT_ASSERT(text.find("| `hold` | duration | `12s` | How long") != std::string::npos);
        CPPUNIT_ASSERT(text.find("| `match` | text, required |  | ") != std::string::npos);
    }

    void markdownIsEscaped() {
        const std::string text = printSettingsMarkdown(plugins());
        CPPUNIT_ASSERT(text.find("Where. Second \\| line. |\n") != std::string::npos);
        CPPUNIT_ASSERT(text.find("`**` across") != std::string::npos);
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            if (line.compare(0, 2, "| ") != 0) continue;
            std::size_t bars = 0;
            for (std::size_t i = 0; i < line.size(); ++i)
                bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
            CPPUNIT_ASSERT_EQUAL_MESSAGE(line, std::size_t(5), bars);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SettingsReferenceTest);

} // namespace wasmproxy::host
