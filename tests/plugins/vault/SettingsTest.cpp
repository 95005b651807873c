// SPDX-License-Identifier: Apache-2.0
#include "PathTemplate.h"
#include "VaultSettings.h"
#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::test;
using vault::PathTemplate;

class VaultSettingsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(VaultSettingsTest);
    CPPUNIT_TEST(namesWhatIsWrong);
    CPPUNIT_TEST(expandsPaths);
    CPPUNIT_TEST(refusesPathsThatLeaveTheirPlace);
    CPPUNIT_TEST_SUITE_END();

public:
    void namesWhatIsWrong() {
        const std::string base = "address=https://vault.example:8200 path=secret/{host} ";
        const std::vector<std::pair<std::string, std::string>> rows = {
            {base + "auth=token token-file=/t", ""},
            {base + "auth=approle role-id=r", ""},
            {base + "auth=approle role-id-file=/r secret-id-file=/s secret-id-wrapped=true role=w", ""},
            {base + "auth=kubernetes role=r auth-mount=k8s/eu namespace=a/b/ ca-file=/ca kv-version=2", ""},
            {"", "address path auth"},
            {base + "auth=userpass", "auth"},
            {base + "auth=token", "token-file"},
            {base + "auth=token token-file=t", "token-file"},
            {base + "auth=token token-file=/t role-id=r", "role-id"},
            {base + "auth=approle", "role-id"},
            {base + "auth=approle role-id=r role-id-file=/r", "role-id"},
            {base + "auth=approle role-id=r secret-id-wrapped=true", "secret-id-file"},
            {base + "auth=kubernetes", "role"},
            {base + "auth=kubernetes role=r auth-mount=/k8s/", "auth-mount"},
            {base + "auth=kubernetes role=r auth-mount=../sys", "auth-mount"},
            {base + "auth=token token-file=/t kv-version=3", "kv-version"},
            {base + "auth=token token-file=/t registry=a@b", "registry"},
            {base + "auth=token token-file=/t redirect-hosts=https://a", "redirect-hosts"},
            {base + "auth=token token-file=/t retry=0s timeout=0s", "timeout retry"},
            {base + "auth=token token-file=/t username-field= password-field=", "username-field password-field"},
            {"address=vault.example path=/v1 auth=token token-file=/t", "address path"},
            {"address=https://u:p@vault/ path=secret/{hots} auth=token token-file=/t", "address path"},
            {"address=https://vault/?x path=v1/secret/x auth=token token-file=/t", "address path"},
        };
        for (const auto& [text, expected] : rows) {
            vault::VaultSettings settings;
            std::vector<SettingsProblem> problems;
            std::vector<KeyValue> values;
            for (std::size_t begin = 0; begin < text.size();) {
                const auto end = std::min(text.find(' ', begin), text.size());
                const auto equals = text.find('=', begin);
                if (end > begin)
                    values.push_back(
                        {text.substr(begin, equals - begin), text.substr(equals + 1, end - equals - 1), "x:1"});
                begin = end + 1;
            }
            settings.apply(values, "", problems);
            std::string found;
            for (const auto& problem : problems)
                found += (found.empty() ? "" : " ") + problem.key;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, found);
        }
    }

    void expandsPaths() {
        const std::vector<std::vector<std::string>> rows = {
            {"secret/data/registries/{host}", "reg.io", "secret/data/registries/reg.io"},
            {"secret/{host}", "reg.io:5000", "secret/reg.io:5000"},
            {"secret/{host}", "[2001:db8::1]:5000", "secret/%5B2001:db8::1%5D:5000"},
            {"secret/{host}/{repository}", "reg.io", "secret/reg.io/team/authz"},
            {"secret/x-{host}-y", "docker.io", "secret/x-docker.io-y"},
            {"secret/one", "docker.io", "secret/one"},
        };
        for (const auto& row : rows) {
            CPPUNIT_ASSERT_EQUAL(std::string(), PathTemplate::problemOf(row[0]));
            CPPUNIT_ASSERT_EQUAL(row[2], PathTemplate(row[0]).expand(Repository(row[1], "team/authz")));
        }
        CPPUNIT_ASSERT(PathTemplate("a/{host}").namesHost());
        CPPUNIT_ASSERT(!PathTemplate("a/{repository}").namesHost());
    }

    void refusesPathsThatLeaveTheirPlace() {
        for (const std::string text :
             {"", "/secret", "secret/", "secret//a", "secret/../sys", "./a", "a/..", "a?b", "a#b", "a%2e", "a b",
              "a\nb", "a\\b", "a/{", "a/}", "a/{Host}", "v1/secret/a", "a/\xc3\xa4"})
            CPPUNIT_ASSERT_MESSAGE(text, !PathTemplate::problemOf(text).empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(VaultSettingsTest);
