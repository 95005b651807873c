// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Credential.h"
#include "wasmproxy/plugin/HttpTransport.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>
#include <sstream>
#include <type_traits>

using namespace wasmproxy;

class SecretTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SecretTest);
    CPPUNIT_TEST(isNeverPrinted);
    CPPUNIT_TEST(comparesByValue);
    CPPUNIT_TEST(copiesAndMoves);
    CPPUNIT_TEST(leavesNothingBehind);
    CPPUNIT_TEST_SUITE_END();

    void isNeverPrinted() {
        const Secret secret("canary-7f3a");
        std::ostringstream out;
        out << secret << Secret() << Secret(std::string(5000, 'x'));
        CPPUNIT_ASSERT_EQUAL(std::string("<redacted><redacted><redacted>"), out.str());
        CPPUNIT_ASSERT(!(std::is_convertible<Secret, std::string>::value));
        CPPUNIT_ASSERT(!(std::is_convertible<std::string, Secret>::value));
        CPPUNIT_ASSERT_EQUAL(std::string("canary-7f3a"), std::string(secret.reveal()));
    }

    void comparesByValue() {
        CPPUNIT_ASSERT(Secret("a") == Secret("a"));
        CPPUNIT_ASSERT(Secret() == Secret(""));
        for (const char* other : {"", "a", "abd", "abcd", "ABC", "bbc"})
            CPPUNIT_ASSERT_MESSAGE(other, Secret("abc") != Secret(other));
        CPPUNIT_ASSERT(Secret(std::string("a\0b", 3)) != Secret(std::string("a\0c", 3)));
        const std::string big(100000, 'x');
        CPPUNIT_ASSERT(Secret(big) == Secret(big));
    }

    void copiesAndMoves() {
        for (const std::string& text : {std::string("short"), std::string(200, 'l')}) {
            Secret a(text);
            Secret b(a);
            CPPUNIT_ASSERT(a == b && b.reveal() == text);
            Secret c(std::move(a));
            CPPUNIT_ASSERT(a.empty() && c.reveal() == text);
            Secret d("other");
            d = c;
            CPPUNIT_ASSERT(d.reveal() == text && c.reveal() == text);
            d = std::move(c);
            CPPUNIT_ASSERT(c.empty() && d.reveal() == text);
            Secret& alias = d;
            d = alias;
            d = std::move(alias);
            CPPUNIT_ASSERT(d.reveal() == text);
        }
    }

    void leavesNothingBehind() {
        // A short value lives inside the object, so the object's own bytes tell.
        alignas(Secret) unsigned char memory[sizeof(Secret)];
        const auto holds = [&](const char* word) {
            return std::string_view(reinterpret_cast<const char*>(memory), sizeof(memory)).find(word) !=
                   std::string_view::npos;
        };
        auto* secret = new (memory) Secret("canary");
        CPPUNIT_ASSERT(holds("canary"));
        Secret moved(std::move(*secret));
        CPPUNIT_ASSERT(!holds("anary"));
        *secret = moved;
        CPPUNIT_ASSERT(holds("canary"));
        *secret = Secret("x");
        CPPUNIT_ASSERT(!holds("nary"));
        *secret = moved;
        secret->~Secret();
        CPPUNIT_ASSERT(!holds("anary"));

        std::string text = "a longer text that lives on the heap";
        text.reserve(100);
        const char* bytes = text.data();
        text.resize(4); // what it held before is wiped as well
        Secret::wipe(text);
        CPPUNIT_ASSERT(text.empty() && text.data() == bytes);
        for (int i = 0; i < 36; ++i)
            CPPUNIT_ASSERT_EQUAL('\0', bytes[i]);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SecretTest);

class CredentialTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CredentialTest);
    CPPUNIT_TEST(fingerprints);
    CPPUNIT_TEST_SUITE_END();

    static std::string print(Credential::Kind kind, const char* user, const char* secret, const char* name = "n") {
        return Credential{kind, name, user, Secret(secret)}.fingerprint();
    }

    void fingerprints() {
        using Kind = Credential::Kind;
        const auto one = print(Kind::Basic, "user", "canary");
        CPPUNIT_ASSERT_EQUAL(std::size_t(32), one.size());
        CPPUNIT_ASSERT(one.find_first_not_of("0123456789abcdef") == one.npos);
        CPPUNIT_ASSERT_EQUAL(one, print(Kind::Basic, "user", "canary", "another name"));
        const std::set<std::string> all = {one,
                                           print(Kind::Basic, "user", "canary2"),
                                           print(Kind::Basic, "user2", "canary"),
                                           print(Kind::BearerToken, "user", "canary"),
                                           print(Kind::IdentityToken, "user", "canary"),
                                           print(Kind::Basic, "userc", "anary"),
                                           print(Kind::Basic, "use", "rcanary"),
                                           print(Kind::Basic, "", "usercanary"),
                                           Credential::anonymous().fingerprint()};
        CPPUNIT_ASSERT_EQUAL(std::size_t(9), all.size());
        CPPUNIT_ASSERT(Credential::anonymous().kind == Kind::Anonymous);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CredentialTest);

class HttpResponseTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HttpResponseTest);
    CPPUNIT_TEST(findsHeaders);
    CPPUNIT_TEST(readsWithinTheLimit);
    CPPUNIT_TEST_SUITE_END();

    /// Gives its body in pieces of `step` bytes.
    class Canned : public HttpResponse {
    public:
        Canned(std::string body, std::size_t step) : _body(std::move(body)), _step(step) {}
        int status() const noexcept override { return 200; }
        const std::vector<HttpHeader>& headers() const noexcept override { return _headers; }
        std::size_t read(char* buffer, std::size_t size) override {
            const auto count = _body.copy(buffer, std::min(size, _step), _at);
            _at += count;
            return count;
        }
        std::size_t consumed() const { return _at; }

    private:
        std::string _body;
        std::size_t _step;
        std::size_t _at = 0;
        std::vector<HttpHeader> _headers{
            {"Content-Type", "a/b"}, {"WWW-Authenticate", "Basic"}, {"www-authenticate", "Bearer"}};
    };

    void findsHeaders() {
        const Canned response("", 1);
        CPPUNIT_ASSERT_EQUAL(std::string("a/b"), response.header("content-TYPE"));
        CPPUNIT_ASSERT_EQUAL(std::string("Basic"), response.header("WWW-Authenticate"));
        CPPUNIT_ASSERT_EQUAL(std::string(), response.header("Content"));
        const auto values = response.headerValues("Www-Authenticate");
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), values.size());
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer"), values[1]);
    }

    void readsWithinTheLimit() {
        const std::string body(100000, 'b');
        CPPUNIT_ASSERT_EQUAL(body, Canned(body, 7000).readAll(100000, "token"));
        CPPUNIT_ASSERT_EQUAL(std::string(), Canned("", 1).readAll(0, "token"));
        Canned large(std::string(1000000, 'b'), 1000);
        test::expectError("large", ErrorCode::UpstreamInvalid, "token is larger than 5000 bytes",
                          [&] { large.readAll(5000, "token"); });
        CPPUNIT_ASSERT(large.consumed() <= 6000);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HttpResponseTest);
