// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/StrictJson.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;

class StrictJsonTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StrictJsonTest);
    CPPUNIT_TEST(readsValues);
    CPPUNIT_TEST(refusesText);
    CPPUNIT_TEST(integers);
    CPPUNIT_TEST(numbers);
    CPPUNIT_TEST(typesAreNotConverted);
    CPPUNIT_TEST(numbersAndStringsDoNotMix);
    CPPUNIT_TEST(namesThePath);
    CPPUNIT_TEST(bounds);
    CPPUNIT_TEST(outlivesItsRoot);
    CPPUNIT_TEST(becomesTextAgain);
    CPPUNIT_TEST_SUITE_END();

    static StrictJson parse(std::string_view text) {
        return StrictJson::parse(text, "doc", ErrorCode::UpstreamInvalid);
    }

    void readsValues() {
        const auto json = parse(R"( {"s":"a\"\\\/\b\f\n\r\té😀","t":true,"f":false,"n":null,
            "a":[1,[2],{"k":"v"}],"o":{},"e":[],"":"empty key"} )");
        CPPUNIT_ASSERT(json.isObject() && !json.isArray() && !json.isString() && !json.isNull());
        CPPUNIT_ASSERT_EQUAL(std::string("a\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80"), json.at("s").asString());
        CPPUNIT_ASSERT(json.at("t").asBool() && !json.at("f").asBool());
        CPPUNIT_ASSERT(!json.find("n") && !json.find("absent"));
        CPPUNIT_ASSERT_EQUAL(std::string("x"), json.stringOr("n", "x"));
        CPPUNIT_ASSERT_EQUAL(std::string("empty key"), json.stringOr("", "x"));
        const auto items = json.at("a").items();
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), items.size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(2), items[1].items()[0].asUnsigned());
        CPPUNIT_ASSERT_EQUAL(std::string("v"), items[2].at("k").asString());
        CPPUNIT_ASSERT(json.at("o").members().empty() && json.at("e").items().empty());
        const auto members = json.members();
        CPPUNIT_ASSERT_EQUAL(std::size_t(8), members.size());
        CPPUNIT_ASSERT_EQUAL(std::string("s"), members[0].first); // in the order of the text
        CPPUNIT_ASSERT(members[3].second.isNull());
        CPPUNIT_ASSERT_EQUAL(std::string("x"), parse("\"x\"").asString());
    }

    void refusesText() {
        const std::pair<std::string, const char*> rows[] = {
            {"", "it is empty"},
            {" \n", "it is empty"},
            {"<html><body>Sign in</body></html>", "HTML"},
            {"\xEF\xBB\xBF{}", "not valid JSON"},
            {"{\"a\":1", "not valid JSON"},
            {"{\"a\":1} x", "not valid JSON"},
            {"{}{}", "not valid JSON"},
            {"{\"a\":1,}", "not valid JSON"},
            {"[1,]", "not valid JSON"},
            {"[,1]", "not valid JSON"},
            {"[1 2]", "not valid JSON"},
            {"{\"a\" 1}", "not valid JSON"},
            {"{1:2}", "not valid JSON"},
            {"{a:2}", "not valid JSON"},
            {"['a']", "not valid JSON"},
            {"[01]", "not valid JSON"},
            {"[+1]", "not valid JSON"},
            {"[.5]", "not valid JSON"},
            {"[1.]", "not valid JSON"},
            {"[-]", "not valid JSON"},
            {"[1e]", "not valid JSON"},
            {"[0x10]", "not valid JSON"},
            {"[1_0]", "not valid JSON"},
            {"[NaN]", "not valid JSON"},
            {"[Infinity]", "not valid JSON"},
            {"[nul]", "not valid JSON"},
            {"tru", "not valid JSON"},
            {"/*c*/{}", "not valid JSON"},
            {"[1]]", "not valid JSON"},
            {"[\"a\nb\"]", "not valid JSON"},
            {"[\"\\x\"]", "not valid JSON"},
            {"[\"\\ud800\"]", "not valid JSON"},
            {"[\"\\udc00\"]", "not valid JSON"},
            {"[\"\\u12\"]", "not valid JSON"},
            {"[\"\xff\"]", "not valid JSON"},
            {"[\"\xc0\x80\"]", "not valid JSON"},
            {"[\"\xed\xa0\x80\"]", "not valid JSON"},
            {"[\"\xf4\x90\x80\x80\"]", "not valid JSON"},
            {"[\"\xe2\x82\"]", "not valid JSON"},
            {std::string("{\"a\":\"x\0y\"}", 11), "not valid JSON"},
            {std::string("{}\0", 3), "not valid JSON"},
            {"{\"a\\u0000b\":1}", "NUL"},
            {"[\"\\u0000\"]", "NUL"},
            {"{\"a\":1,\"a\":1}", "'a' stands twice"},
            {"{\"a\":1,\"\\u0061\":2}", "'a' stands twice"},
            {"{\"x\":[{\"b\":1,\"a\":null,\"b\":2}]}", "'b' stands twice"},
        };
        for (const auto& [text, words] : rows)
            test::expectError(text, ErrorCode::UpstreamInvalid, words, [&text = text] { parse(text); });
        CPPUNIT_ASSERT_EQUAL(std::string("\\u0000"), parse("\"\\\\u0000\"").asString()); // an escaped backslash
    }

    void integers() {
        const std::uint64_t max53 = std::uint64_t(1) << 53;
        CPPUNIT_ASSERT_EQUAL(max53, parse("9007199254740992").asUnsigned());
        CPPUNIT_ASSERT_EQUAL(~std::uint64_t(0), parse("18446744073709551615").asUnsigned(~std::uint64_t(0)));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), parse("0").asUnsigned());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(7), parse("7").asUnsigned(7));
        for (const char* text :
             {"9007199254740993", "18446744073709551615", "18446744073709551616", "1e400000", "-1", "-0", "1.5", "1.0",
              "1e3", "0e0", "\"1\"", "true", "null", "[1]", "{}", "99999999999999999999999999999999999999999"}) {
            try {
                CPPUNIT_FAIL(std::string(text) + " became " + std::to_string(parse(text).asUnsigned()));
            } catch (const Error& e) {
                CPPUNIT_ASSERT(e.code() == ErrorCode::UpstreamInvalid);
            }
        }
        test::expectError("8", ErrorCode::UpstreamInvalid, "from 0 to 7", [] { parse("8").asUnsigned(7); });
    }

    void numbers() {
        CPPUNIT_ASSERT_EQUAL(1.5, parse("1.5").asNumber());
        CPPUNIT_ASSERT_EQUAL(-2e-3, parse("-2E-3").asNumber());
        CPPUNIT_ASSERT_EQUAL(3600.0, parse("3600").asNumber());
        CPPUNIT_ASSERT_EQUAL(18446744073709551616.0, parse("18446744073709551616").asNumber());
        for (const char* text : {"1e400", "\"1\"", "true", "null"})
            test::expectError(text, ErrorCode::UpstreamInvalid, "", [&] { parse(text).asNumber(); });
    }

    void typesAreNotConverted() {
        for (const char* text : {"1", "true", "null", "[]", "{}"})
            test::expectError(text, ErrorCode::UpstreamInvalid, "a string", [&] { parse(text).asString(); });
        for (const char* text : {"1", "0", "\"true\"", "null", "[]", "{}"})
            test::expectError(text, ErrorCode::UpstreamInvalid, "true or false", [&] { parse(text).asBool(); });
        for (const char* text : {"1", "\"\"", "null", "{}"})
            test::expectError(text, ErrorCode::UpstreamInvalid, "an array", [&] { parse(text).items(); });
        for (const char* text : {"1", "\"\"", "null", "[]"}) {
            test::expectError(text, ErrorCode::UpstreamInvalid, "an object", [&] { parse(text).members(); });
            test::expectError(text, ErrorCode::UpstreamInvalid, "an object", [&] { parse(text).find("k"); });
        }
        test::expectError("at", ErrorCode::UpstreamInvalid, "'k'", [] { parse("{\"k\":null}").at("k"); });
        test::expectError("stringOr", ErrorCode::UpstreamInvalid, "k must be a string",
                          [] { parse("{\"k\":1}").stringOr("k", ""); });
    }

    // Number texts are found beside the parser: whatever looks like one inside a string must not shift them.
    void numbersAndStringsDoNotMix() {
        const auto json = parse(R"({"-1":"5 6 \" 7","\\":8,"9\\\"":"\\","a":[-2,"3",4e1,"\"-",10],"z":11})");
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(8), json.at("\\").asUnsigned());
        const auto items = json.at("a").items();
        CPPUNIT_ASSERT_EQUAL(-2.0, items[0].asNumber());
        CPPUNIT_ASSERT_EQUAL(40.0, items[2].asNumber());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(10), items[4].asUnsigned());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(11), json.at("z").asUnsigned());
    }

    void namesThePath() {
        const auto json = parse(R"({"layers":[{},{"size":"x"}]})");
        const auto size = json.at("layers").items()[1].at("size");
        CPPUNIT_ASSERT_EQUAL(std::string("layers[1].size"), size.path());
        test::expectError("path", ErrorCode::UpstreamInvalid, "doc: layers[1].size must be an integer",
                          [&] { size.asUnsigned(); });
        test::expectError("root", ErrorCode::CredentialSourceFault, "config.json: the document must be an array",
                          [] { StrictJson::parse("{}", "config.json", ErrorCode::CredentialSourceFault).items(); });
        test::expectError("escape", ErrorCode::UpstreamInvalid, "doc: ??[2J must be",
                          [] { parse("{\"\\u001b\\n[2J\":1}").members()[0].second.asString(); });
    }

    void bounds() {
        StrictJson::Limits limits;
        limits.bytes = 10;
        const auto limited = [&](const std::string& text) {
            return StrictJson::parse(text, "doc", ErrorCode::UpstreamInvalid, limits);
        };
        limited("\"12345678\"");
        test::expectError("bytes", ErrorCode::UpstreamInvalid, "larger than 10 bytes",
                          [&] { limited("\"123456789\""); });
        limits.bytes = 1u << 24;
        limits.depth = 3;
        limited("[[[]]]");
        limited("{\"a\":[{}]}");
        test::expectError("depth", ErrorCode::UpstreamInvalid, "nested deeper than 3", [&] { limited("[[[[]]]]"); });
        for (const char* open : {"[", "{\"a\":", "[{\"a\":"}) {
            std::string text;
            for (int i = 0; i < 1000000; ++i)
                text += open;
            test::expectError(open, ErrorCode::UpstreamInvalid, "doc: ", [&] { limited(text); });
        }
        std::string wide = "[0";
        for (int i = 0; i < 200000; ++i)
            wide += ",1";
        CPPUNIT_ASSERT_EQUAL(std::size_t(200001), limited(wide + "]").items().size());
    }

    void outlivesItsRoot() {
        std::optional<StrictJson> inner;
        {
            std::string text = R"({"a":{"b":"kept"}})";
            inner = parse(text).at("a").at("b");
            text.assign(text.size(), 'x');
        }
        CPPUNIT_ASSERT_EQUAL(std::string("kept"), inner->asString());
    }

    void becomesTextAgain() {
        const std::string text = R"({"a":[1,-2.50e3,18446744073709551616,true,null],"":"q\"\\\u0001\u001fé","o":{}})";
        CPPUNIT_ASSERT_EQUAL(text, parse(text).str());
        CPPUNIT_ASSERT_EQUAL(std::string("[1,2]"), parse(R"({ "x" : [ 1 , 2 ] })").at("x").str());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StrictJsonTest);
