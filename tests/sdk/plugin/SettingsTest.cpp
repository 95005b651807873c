// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Settings.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using std::chrono::milliseconds;

namespace {

class Sample : public Settings {
public:
    Setting<std::string> directory{this, "directory", "", "Where blobs are kept.", true};
    Setting<bool> fsync{this, "fsync", true, "Whether to fsync."};
    Setting<std::uint64_t> count{this, "count", 5, "How many."};
    Setting<Bytes> size{this, "max-size", Bytes{64ull << 20}, "How much."};
    Setting<milliseconds> timeout{this, "timeout", milliseconds(12000), "How long."};
    Setting<std::vector<std::string>> hosts{this, "hosts", {"a", "b"}, "Which."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override {
        if (count.get() > 100) problems.push_back({count.origin(), prefix + "count", "at most 100 is expected"});
    }
};

std::vector<SettingsProblem> applied(Sample& sample, const std::vector<KeyValue>& values) {
    std::vector<SettingsProblem> problems;
    sample.apply(values, "cache.main.", problems);
    return problems;
}

template <class T>
void accepts(const std::string& text, T expected) {
    T value{};
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::string(), parseSetting(text, value));
    CPPUNIT_ASSERT_MESSAGE(text, value == expected);
    T again{};
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::string(), parseSetting(printSetting(value), again));
    CPPUNIT_ASSERT_MESSAGE("printed as " + printSetting(value), again == expected);
}

template <class T>
void refuses(const std::string& text, T before, const char* words) {
    T value = before;
    const auto problem = parseSetting(text, value);
    CPPUNIT_ASSERT_MESSAGE("'" + text + "' gave: " + problem, problem.find(words) != problem.npos);
    CPPUNIT_ASSERT_MESSAGE(text, value == before);
}

} // namespace

class SettingsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SettingsTest);
    CPPUNIT_TEST(booleans);
    CPPUNIT_TEST(counts);
    CPPUNIT_TEST(sizes);
    CPPUNIT_TEST(durations);
    CPPUNIT_TEST(lists);
    CPPUNIT_TEST(texts);
    CPPUNIT_TEST(appliesValues);
    CPPUNIT_TEST(reportsAllProblems);
    CPPUNIT_TEST(describes);
    CPPUNIT_TEST_SUITE_END();

    void booleans() {
        accepts("true", true);
        accepts("false", false);
        for (const char* text : {"", "yes", "no", "on", "off", "1", "0", "True", "TRUE", " true", "true "})
            refuses(text, true, "true or false");
    }

    void counts() {
        accepts<std::uint64_t>("0", 0);
        accepts<std::uint64_t>("1000", 1000);
        accepts<std::uint64_t>("18446744073709551615", ~std::uint64_t(0));
        for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.5", "1e3", "0x10", "1,000", "1k",
                                 "18446744073709551616", "99999999999999999999999"})
            refuses<std::uint64_t>(text, 7, "for example 1000");
    }

    void sizes() {
        const std::pair<const char*, std::uint64_t> rows[] = {{"0", 0},
                                                              {"0B", 0},
                                                              {"512", 512},
                                                              {"1B", 1},
                                                              {"4KiB", 4096},
                                                              {"64MiB", 64ull << 20},
                                                              {"2GiB", 2ull << 30},
                                                              {"3TiB", 3ull << 40},
                                                              {"16777215TiB", 16777215ull << 40},
                                                              {"18446744073709551615B", ~std::uint64_t(0)}};
        for (const auto& [text, value] : rows)
            accepts(text, Bytes{value});
        for (const char* text : {"", "MiB", "64 MiB", "64MB", "64mib", "64M", "64k", "-1MiB", "1.5GiB", "16777216TiB",
                                 "18446744073709551616", "64MiB ", "64MiBB"})
            refuses(text, Bytes{7}, "for example 64MiB");
    }

    void durations() {
        const std::pair<const char*, long> rows[] = {{"0s", 0},      {"1ms", 1},      {"12s", 12000},
                                                     {"5m", 300000}, {"2h", 7200000}, {"30d", 2592000000},
                                                     {"90s", 90000}, {"1500ms", 1500}};
        for (const auto& [text, value] : rows)
            accepts(text, milliseconds(value));
        for (const char* text : {"", "12", "0", "s", "12 s", "-1s", "+1s", "1.5s", "12S", "12sec", "1h30m", "1us",
                                 "36501d", "99999999999999999d", "18446744073709551616ms", " 12s"})
            refuses(text, milliseconds(7), "for example 12s");
    }

    void lists() {
        using List = std::vector<std::string>;
        accepts("", List{});
        accepts("  ", List{});
        accepts("a", List{"a"});
        accepts(" a , b c,d ", List{"a", "b c", "d"});
        for (const char* text : {",", "a,", ",a", "a,,b", "a, ,b"})
            refuses(text, List{"x"}, "none empty");
    }

    void texts() {
        accepts<std::string>("", "");
        accepts<std::string>(" a # b ", " a # b ");
        accepts<std::string>("\xC3\xA9\tx", "\xC3\xA9\tx");
        for (const std::string& text : {std::string("a\0b", 3), std::string("\x1b[2J"), std::string("\x7f")})
            refuses<std::string>(text, "before", "control");
    }

    void appliesValues() {
        Sample sample;
        const auto problems = applied(sample, {{"directory", "/var", "x.ini:3"},
                                               {"fsync", "false", "x.ini:4"},
                                               {"count", "9", "x.ini:5"},
                                               {"max-size", "1GiB", "x.ini:6"},
                                               {"hosts", "c", "x.ini:7"}});
        CPPUNIT_ASSERT(problems.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("/var"), sample.directory.get());
        CPPUNIT_ASSERT(!sample.fsync);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(9), sample.count.get());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1) << 30, sample.size.get().value);
        CPPUNIT_ASSERT(sample.timeout.get() == milliseconds(12000));
        CPPUNIT_ASSERT(sample.count.given() && !sample.timeout.given());
        CPPUNIT_ASSERT_EQUAL(std::string("x.ini:5"), sample.count.origin());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), sample.hosts->size());
    }

    void reportsAllProblems() {
        Sample sample;
        const auto problems = applied(sample, {{"fsink", "true", "x.ini:1"},
                                               {"count", "500", "x.ini:2"},
                                               {"timeout", "12", "x.ini:3"},
                                               {"something-else", "1", "x.ini:4"},
                                               {"fsync", "false", "x.ini:5"},
                                               {"fsync", "true", "x.ini:6"},
                                               {"Count", "1", "x.ini:7"}});
        const struct {
            const char* origin;
            const char* key;
            const char* words;
        } expected[] = {{"x.ini:1", "cache.main.fsink", "did you mean 'fsync'?"},
                        {"x.ini:3", "cache.main.timeout", "for example 12s"},
                        {"x.ini:4", "cache.main.something-else", "known are: directory, fsync, count"},
                        {"x.ini:6", "cache.main.fsync", "set twice, first in x.ini:5"},
                        {"x.ini:7", "cache.main.Count", "did you mean 'count'?"},
                        {"x.ini:1", "cache.main.directory", "is required: Where blobs are kept."},
                        {"x.ini:2", "cache.main.count", "at most 100"}};
        CPPUNIT_ASSERT_EQUAL(std::size(expected), problems.size());
        for (std::size_t i = 0; i < problems.size(); ++i) {
            CPPUNIT_ASSERT_EQUAL(std::string(expected[i].origin), problems[i].origin);
            CPPUNIT_ASSERT_EQUAL(std::string(expected[i].key), problems[i].key);
            CPPUNIT_ASSERT_MESSAGE(problems[i].message,
                                   problems[i].message.find(expected[i].words) != std::string::npos);
        }
        CPPUNIT_ASSERT(!sample.fsync);

        Sample empty;
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), applied(empty, {}).size());
        Sample blank;
        const auto blanks = applied(blank, {{"directory", "", "x.ini:9"}});
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), blanks.size()); // said once
        CPPUNIT_ASSERT(blanks[0].message.find("must not be empty") != std::string::npos);
    }

    void describes() {
        const auto all = Sample().describe();
        CPPUNIT_ASSERT_EQUAL(std::size_t(6), all.size());
        const char* const types[] = {"text", "true/false", "count", "size", "duration", "list"};
        const char* const defaults[] = {"", "true", "5", "64MiB", "12s", "a, b"};
        for (std::size_t i = 0; i < all.size(); ++i) {
            CPPUNIT_ASSERT_EQUAL(std::string(types[i]), all[i].type);
            CPPUNIT_ASSERT_EQUAL(std::string(defaults[i]), all[i].defaultValue);
        }
        CPPUNIT_ASSERT(all[0].required && !all[1].required);
        CPPUNIT_ASSERT_EQUAL(std::string("Where blobs are kept."), all[0].description);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SettingsTest);
