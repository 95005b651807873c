// SPDX-License-Identifier: Apache-2.0
#include "observe/Log.h"

#include "observe/LogText.h"

#include <Poco/JSON/Parser.h>
#include <Poco/Logger.h>
#include <Poco/RegularExpression.h>
#include <cppunit/extensions/HelperMacros.h>

#include <cstdio>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <vector>

namespace wasmproxy::host {

/// Standard error into a file while it lives.
class CapturedStderr {
public:
    CapturedStderr() : _file(std::tmpfile()), _saved(::dup(STDERR_FILENO)) {
        if (_file == nullptr || _saved < 0 || ::dup2(fileno(_file), STDERR_FILENO) < 0) {
            throw std::runtime_error("cannot redirect standard error");
        }
    }
    ~CapturedStderr() {
        ::dup2(_saved, STDERR_FILENO);
        ::close(_saved);
        std::fclose(_file);
    }
    CapturedStderr(const CapturedStderr&) = delete;
    CapturedStderr& operator=(const CapturedStderr&) = delete;

    std::string text() const {
        std::string all;
        char buffer[4096];
        std::rewind(_file);
        while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, _file))
            all.append(buffer, n);
        return all;
    }

private:
    std::FILE* _file;
    int _saved;
};

class LogTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LogTest);
    CPPUNIT_TEST(textLine);
    CPPUNIT_TEST(jsonLine);
    CPPUNIT_TEST(levels);
    CPPUNIT_TEST(refusesUnknownLevelAndFormat);
    CPPUNIT_TEST(escapesHostileValues);
    CPPUNIT_TEST(quotesOnlyWhereNeeded);
    CPPUNIT_TEST(boundsValues);
    CPPUNIT_TEST(messagesOfOtherLoggersAreEscapedToo);
    CPPUNIT_TEST(linesOfThreadsDoNotMix);
    CPPUNIT_TEST_SUITE_END();

    /// The line without its time.
    static std::string logged(const std::string& format, LogLevel level, const std::string& message,
                              std::initializer_list<LogField> fields) {
        configureLog("debug", format);
        CapturedStderr captured;
        log(level, message, fields);
        return captured.text();
    }

public:
    void textLine() {
        const std::string line = logged("text", LogLevel::Information, "module pulled",
                                        {{"registry", "ghcr.io"}, {"hint", ""}, {"cause", "took 3 tries"}, {"a", "1"}});
        const Poco::RegularExpression shape(
            "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z information module pulled "
            "registry=ghcr\\.io cause=\"took 3 tries\" a=1\n");
        CPPUNIT_ASSERT_MESSAGE(line, shape.match(line));
    }

    void jsonLine() {
        const std::string line =
            logged("json", LogLevel::Warning, "a \"b\" \\",
                   {{"cause", "x\ny\t\x1b[31m"}, {"empty", ""}, {"bad", std::string("\xff\0", 2)}});
        CPPUNIT_ASSERT_EQUAL('\n', line.back());
        const auto object = Poco::JSON::Parser().parse(line).extract<Poco::JSON::Object::Ptr>();
        CPPUNIT_ASSERT_EQUAL(std::string("warning"), object->getValue<std::string>("level"));
        CPPUNIT_ASSERT_EQUAL(std::string("a \"b\" \\"), object->getValue<std::string>("message"));
        CPPUNIT_ASSERT_EQUAL(std::string("x\ny\t\x1b[31m"), object->getValue<std::string>("cause"));
        CPPUNIT_ASSERT(line.find("\"bad\":\"\\ufffd\\u0000\"") != std::string::npos);
        CPPUNIT_ASSERT(!object->has("empty"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(24), object->getValue<std::string>("time").size());
        CPPUNIT_ASSERT(line.find("{\"time\":\"20") == 0);
        CPPUNIT_ASSERT(line.find('\x1b') == std::string::npos);
    }

    void levels() {
        const std::vector<std::pair<std::string, LogLevel>> order{{"error", LogLevel::Error},
                                                                  {"warning", LogLevel::Warning},
                                                                  {"information", LogLevel::Information},
                                                                  {"debug", LogLevel::Debug}};
        for (std::size_t set = 0; set < order.size(); ++set) {
            configureLog(order[set].first, "text");
            for (std::size_t used = 0; used < order.size(); ++used) {
                CapturedStderr captured;
                log(order[used].second, "said");
                CPPUNIT_ASSERT_EQUAL(used <= set, logEnabled(order[used].second));
                CPPUNIT_ASSERT_EQUAL(used <= set,
                                     captured.text().find(order[used].first + " said\n") != std::string::npos);
            }
        }
    }

    void refusesUnknownLevelAndFormat() {
        CPPUNIT_ASSERT_THROW(configureLog("trace", "text"), Error);
        CPPUNIT_ASSERT_THROW(configureLog("debug", "xml"), Error);
    }

    void escapesHostileValues() {
        const std::vector<std::pair<std::string, std::string>> table{
            {"a\nb", "a\\nb"},
            {"a\r\nb", "a\\r\\nb"},
            {"\x1b[2J", "\\u001b[2J"},
            {"\x7f", "\\u007f"},
            {std::string("\0", 1), "\\u0000"},
            {"\xc2\x9b", "\\u009b"}, // C1: CSI in one character
            {"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae", "\\u202a\\u202b\\u202c\\u202d\\u202e"},
            {"\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9", "\\u2066\\u2067\\u2068\\u2069"},
            {"\xe2\x80\x8e\xe2\x80\x8f", "\\u200e\\u200f"},
            {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
            {"\xff\xc3", "\\xff\\xc3"},
            {"\xc0\x8a", "\\xc0\\x8a"},                   // an overlong newline
            {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          // a surrogate
            {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, // past the last character
            {"\xe2\x82", "\\xe2\\x82"},
            {"é€😀", "é€😀"},
        };
        for (const auto& [value, shown] : table)
            CPPUNIT_ASSERT_EQUAL(shown, escapeLogText(value, false));
        CPPUNIT_ASSERT_EQUAL(std::string("\"a\\\\nb \\\"\""), escapeLogText("a\\nb \"", true));
        const std::string line = logged("text", LogLevel::Error, "no\nsecond line", {{"k", "v\n2026 error forged"}});
        CPPUNIT_ASSERT_EQUAL(line.size() - 1, line.find('\n'));
        CPPUNIT_ASSERT(line.find("k=\"v\\n2026 error forged\"") != std::string::npos);
    }

    void quotesOnlyWhereNeeded() {
        for (const char* plain : {"a", "é", "sha256:00", "[::1]:80", "a/b:c@d"})
            CPPUNIT_ASSERT(!needsLogQuotes(plain));
        for (const char* odd : {"a b", "a=b", "\"", "a\\", "\n", "\xff", "\xe2\x80\xae"})
            CPPUNIT_ASSERT(needsLogQuotes(odd));
    }

    void boundsValues() {
        CPPUNIT_ASSERT_EQUAL(std::string(2048, 'x'), escapeLogText(std::string(2048, 'x'), false));
        CPPUNIT_ASSERT_EQUAL(std::string(2048, 'x') + "…", escapeLogText(std::string(5000, 'x'), false));
        // A character of two bytes on the border is left out whole.
        CPPUNIT_ASSERT_EQUAL(std::string(2047, 'x') + "…", escapeLogText(std::string(2047, 'x') + "éé", false));
        const std::string line =
            logged("json", LogLevel::Error, std::string(1 << 20, '\x01'), {{"cause", std::string(1 << 20, '\xff')}});
        CPPUNIT_ASSERT(line.size() < 2 * 6 * 2048 + 200);
        CPPUNIT_ASSERT_NO_THROW(Poco::JSON::Parser().parse(line));
    }

    void messagesOfOtherLoggersAreEscapedToo() {
        configureLog("information", "text");
        CapturedStderr captured;
        Poco::Logger::get("elsewhere").error(std::string("two\nlines"));
        CPPUNIT_ASSERT(captured.text().find(" error two\\nlines\n") != std::string::npos);
    }

    void linesOfThreadsDoNotMix() {
        configureLog("information", "text");
        CapturedStderr captured;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([] {
                for (int i = 0; i < 200; ++i)
                    log(LogLevel::Information, "line", {{"value", std::string(300, 'v')}});
            });
        }
        for (std::thread& thread : threads)
            thread.join();
        std::istringstream lines(captured.text());
        const std::string end = " information line value=" + std::string(300, 'v');
        int count = 0;
        for (std::string line; std::getline(lines, line); ++count)
            CPPUNIT_ASSERT_EQUAL(end, line.substr(24));
        CPPUNIT_ASSERT_EQUAL(800, count);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LogTest);

} // namespace wasmproxy::host
