// SPDX-License-Identifier: Apache-2.0
#include "net/AddressPolicy.h"
#include "net/ProxyRule.h"
#include "net/Target.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace wasmproxy::host {
namespace {

class AddressPolicyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AddressPolicyTest);
    CPPUNIT_TEST(classifiesEveryKindOfAddress);
    CPPUNIT_TEST(refusesOtherFamilies);
    CPPUNIT_TEST(normalisesHosts);
    CPPUNIT_TEST(parsesLiteralsInEveryNotation);
    CPPUNIT_TEST(refusesUrlsThatMustNotBeSent);
    CPPUNIT_TEST(knowsWhatBypassesTheProxy);
    CPPUNIT_TEST_SUITE_END();

public:
    void classifiesEveryKindOfAddress() {
        struct Row {
            const char* address;
            AddressClass expected;
        };
        const auto Public = AddressClass::Public, Private = AddressClass::Private, Forbidden = AddressClass::Forbidden;
        const Row rows[] = {
            {"1.1.1.1", Public},
            {"9.255.255.255", Public},
            {"11.0.0.0", Public},
            {"100.63.255.255", Public},
            {"100.128.0.0", Public},
            {"126.255.255.255", Public},
            {"128.0.0.1", Public},
            {"169.253.255.255", Public},
            {"169.255.0.0", Public},
            {"172.15.255.255", Public},
            {"172.32.0.0", Public},
            {"192.167.255.255", Public},
            {"192.169.0.0", Public},
            {"223.255.255.255", Public},
            {"10.0.0.0", Private},
            {"10.255.255.255", Private},
            {"127.0.0.1", Private},
            {"127.255.255.255", Private},
            {"100.64.0.1", Private},
            {"100.127.255.255", Private},
            {"172.16.0.0", Private},
            {"172.31.255.255", Private},
            {"192.168.1.1", Private},
            {"198.18.0.1", Private},
            {"192.0.2.1", Private},
            {"0.0.0.0", Forbidden},
            {"0.1.2.3", Forbidden},
            {"169.254.169.254", Forbidden},
            {"169.254.0.0", Forbidden},
            {"169.254.255.255", Forbidden},
            {"100.100.100.200", Forbidden},
            {"168.63.129.16", Forbidden},
            {"192.0.0.192", Forbidden},
            {"224.0.0.1", Forbidden},
            {"239.255.255.255", Forbidden},
            {"240.0.0.1", Forbidden},
            {"255.255.255.255", Forbidden},
            {"2606:4700::1111", Public},
            {"2a00::1", Public},
            {"::1", Private},
            {"fc00::1", Private},
            {"fdff::1", Private},
            {"fec0::1", Private},
            {"2001:db8::1", Private},
            {"2001::1", Private},
            {"100::1", Private},
            {"4000::1", Private},
            {"::", Forbidden},
            {"fe80::1", Forbidden},
            {"febf::1", Forbidden},
            {"ff02::1", Forbidden},
            {"fd00:ec2::254", Forbidden},
            {"fd20:ce::254", Forbidden},
            {"fd00:c1::a9fe:a9fe", Forbidden},
            {"::ffff:127.0.0.1", Private},
            {"::ffff:8.8.8.8", Public},
            {"::ffff:169.254.169.254", Forbidden},
            {"::ffff:0.0.0.0", Forbidden},
            {"::127.0.0.1", Private},
            {"::169.254.169.254", Forbidden},
            {"::ffff:0:10.0.0.1", Private},
            {"2002:0a00:0001::1", Private},
            {"2002:a9fe:a9fe::1", Forbidden},
            {"2002:0808:0808::1", Public},
            {"64:ff9b::10.0.0.1", Private},
            {"64:ff9b::169.254.169.254", Forbidden},
            {"64:ff9b::8.8.8.8", Public},
            {"64:ff9b:1::8.8.8.8", Private},
            {"64:ff9b:1::169.254.169.254", Forbidden},
        };
        for (const auto& row : rows) {
            const auto address = literalAddress(row.address);
            CPPUNIT_ASSERT_MESSAGE(row.address, address.has_value());
            const auto found = classify(reinterpret_cast<const sockaddr&>(*address));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.address, static_cast<int>(row.expected), static_cast<int>(found));
        }
    }

    void refusesOtherFamilies() {
        sockaddr_storage address{};
        address.ss_family = AF_UNIX;
        CPPUNIT_ASSERT(classify(reinterpret_cast<const sockaddr&>(address)) == AddressClass::Forbidden);
    }

    void normalisesHosts() {
        CPPUNIT_ASSERT_EQUAL(std::string("ghcr.io"), normalisedHost("GHCR.io."));
        CPPUNIT_ASSERT_EQUAL(std::string("::1"), normalisedHost("[0:0:0:0:0:0:0:1]"));
        CPPUNIT_ASSERT_EQUAL(std::string("fd00:ec2::254"), normalisedHost("FD00:0EC2::0254"));
    }

    void parsesLiteralsInEveryNotation() {
        for (const char* url : {"http://127.0.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
                                "http://0x7f.1/", "http://127.1/", "http://127.0.0.1./", "http://%31%32%37.0.0.1/"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(url, std::string("127.0.0.1"), Target(url).host());
        }
        const Target target("https://Example.COM/x?token=1");
        CPPUNIT_ASSERT_EQUAL(std::string("example.com"), target.host());
        CPPUNIT_ASSERT_EQUAL(std::string("example.com:443"), target.hostAndPort());
        CPPUNIT_ASSERT_EQUAL(std::string("example.com"), target.registry());
        CPPUNIT_ASSERT_EQUAL(std::string("https://example.com:443"), target.origin());
        CPPUNIT_ASSERT_EQUAL(std::string("[::1]:5000"), Target("http://[::1]:5000").registry());
    }

    void refusesUrlsThatMustNotBeSent() {
        for (const std::string url : {"",
                                      "ghcr.io/x",
                                      "ftp://ghcr.io/",
                                      "file:///etc/passwd",
                                      "http:/ghcr.io/",
                                      "http:///ghcr.io/",
                                      "http://",
                                      "http://?x",
                                      "http://user@ghcr.io/",
                                      "http://user:secretword@ghcr.io/",
                                      "http://ghcr.io/#secretword",
                                      "http://ghcr.io/a b",
                                      "http://ghcr.io/\r\nX: secretword",
                                      "http://ghcr.io/\x7f",
                                      "http://gh\tcr.io/",
                                      "http://ghcr.io/\xc3\xa4",
                                      "http://ghcr.io\\@evil.example/",
                                      "http://ghcr.io:99999/?secretword",
                                      "http://ghcr.io:x/?secretword",
                                      "http://[::1/?secretword",
                                      "http://ghcr.io%00.evil.example/",
                                      "http://ghcr.io%0d%0aX/?secretword",
                                      " http://ghcr.io/"}) {
            try {
                const Target target(url);
                CPPUNIT_FAIL("accepted: " + url);
            } catch (const Error& error) {
                CPPUNIT_ASSERT_MESSAGE(url, error.code() == ErrorCode::Internal);
                CPPUNIT_ASSERT_MESSAGE(url, std::string(error.what()).find("secretword") == std::string::npos);
            }
        }
        CPPUNIT_ASSERT_THROW(Target(std::string("http://ghcr.io/\0x", 17)), Error);
    }

    void knowsWhatBypassesTheProxy() {
        CPPUNIT_ASSERT(bypassesProxy("*", "ghcr.io", 443));
        CPPUNIT_ASSERT(bypassesProxy("a.test, Example.com", "example.com", 443));
        CPPUNIT_ASSERT(bypassesProxy(".example.com", "registry.example.com", 443));
        CPPUNIT_ASSERT(bypassesProxy("*.example.com", "registry.example.com", 443));
        CPPUNIT_ASSERT(bypassesProxy("example.com:5000", "example.com", 5000));
        CPPUNIT_ASSERT(bypassesProxy("10.0.0.0/8", "10.1.2.3", 80));
        CPPUNIT_ASSERT(bypassesProxy("fd00::/8,[::1]", "::1", 80));
        CPPUNIT_ASSERT(bypassesProxy("fd00::/8", "fd12::1", 80));
        CPPUNIT_ASSERT(!bypassesProxy("", "ghcr.io", 443));
        CPPUNIT_ASSERT(!bypassesProxy(" , ,", "ghcr.io", 443));
        CPPUNIT_ASSERT(!bypassesProxy("example.com", "badexample.com", 443));
        CPPUNIT_ASSERT(!bypassesProxy("example.com:5000", "example.com", 443));
        CPPUNIT_ASSERT(!bypassesProxy("10.0.0.0/8", "11.1.2.3", 80));
        CPPUNIT_ASSERT(!bypassesProxy("10.0.0.0/99", "10.1.2.3", 80));
        CPPUNIT_ASSERT(!bypassesProxy("10.0.0.0/8", "10.evil.example", 80));
        CPPUNIT_ASSERT(!bypassesProxy("0.0.1", "10.0.0.1", 80));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AddressPolicyTest);

} // namespace
} // namespace wasmproxy::host
