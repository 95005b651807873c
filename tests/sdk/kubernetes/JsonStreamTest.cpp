// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/JsonStream.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <vector>

namespace wasmproxy::test {
namespace {

using kubernetes::JsonStream;

class JsonStreamTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(JsonStreamTest);
    CPPUNIT_TEST(objectsInPiecesOfAnySize);
    CPPUNIT_TEST(refusesWhatIsNoObject);
    CPPUNIT_TEST(boundsAnObject);
    CPPUNIT_TEST_SUITE_END();

public:
    void objectsInPiecesOfAnySize() {
        const std::vector<std::string> objects = {R"({"a":"}"})", R"({"b":"\"{\\","c":[{},[1,"]"]]})", "{}",
                                                  R"({"d":{"e":{"f":"\\\""}}})"};
        std::string text;
        for (const auto& object : objects)
            text += object + (text.empty() ? "\r\n \t" : "");
        for (std::size_t size = 1; size <= text.size(); ++size) {
            JsonStream stream(1000);
            std::vector<std::string> seen;
            for (std::size_t at = 0; at < text.size(); at += size)
                stream.feed(std::string_view(text).substr(at, size),
                            [&](std::string_view object) { seen.emplace_back(object); });
            CPPUNIT_ASSERT_MESSAGE("pieces of " + std::to_string(size), seen == objects);
            CPPUNIT_ASSERT(!stream.midway());
        }
    }

    void refusesWhatIsNoObject() {
        for (const char* text : {"x", "[", "{}1", "\"a\"", "}", "<html>"}) {
            JsonStream stream(1000);
            expectError(text, ErrorCode::UpstreamInvalid, "something else",
                        [&] { stream.feed(text, [](std::string_view) {}); });
        }
    }

    void boundsAnObject() {
        const std::string fits = R"({"a":"1234"})";
        for (std::size_t size : {std::size_t(1), fits.size()}) {
            JsonStream stream(fits.size());
            int seen = 0;
            const auto count = [&](std::string_view) { ++seen; };
            for (int i = 0; i < 3; ++i)
                for (std::size_t at = 0; at < fits.size(); at += size)
                    stream.feed(std::string_view(fits).substr(at, size), count);
            CPPUNIT_ASSERT_EQUAL(3, seen);
            const std::string larger = R"({"a":"12345"})";
            expectError("larger", ErrorCode::UpstreamInvalid, "more than 12 bytes", [&] {
                for (std::size_t at = 0; at < larger.size(); at += size)
                    stream.feed(std::string_view(larger).substr(at, size), count);
            });
        }
        JsonStream endless(100);
        expectError("endless", ErrorCode::UpstreamInvalid, "more than 100 bytes", [&] {
            for (int i = 0; i < 200; ++i)
                endless.feed("{\"a\":", [](std::string_view) {});
        });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonStreamTest);

} // namespace
} // namespace wasmproxy::test
