// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionCatalog.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using wasmproxy::test::expectError;

namespace {

ExtensionDocument document(const std::string& name, const std::string& url, const std::string& origin) {
    Extension extension;
    extension.name = name;
    extension.origin = origin;
    extension.url = url;
    if (url.compare(0, 6, "oci://") == 0) {
        extension.reference = Reference::parse(url.substr(6));
    } else {
        extension.httpUrl = url;
        extension.reference = referenceOfUrl(url);
    }
    return {name, origin, std::make_shared<const Extension>(extension), {}};
}

ExtensionDocument broken(const std::string& name, const std::string& origin) {
    return {name, origin, nullptr, {{"spec.url", "is missing"}}};
}

std::string names(const std::vector<std::shared_ptr<const Extension>>& extensions) {
    std::string text;
    for (const auto& extension : extensions)
        text += extension->name + " ";
    return text;
}

} // namespace

class ExtensionCatalogTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExtensionCatalogTest);
    CPPUNIT_TEST(findsByNameReferenceAndUrl);
    CPPUNIT_TEST(aBadDocumentIsListedAndDisturbsNoOther);
    CPPUNIT_TEST(aNameBelongsToWhoHadIt);
    CPPUNIT_TEST(switchedOffServesNone);
    CPPUNIT_TEST(outcomes);
    CPPUNIT_TEST(referencesOfUrls);
    CPPUNIT_TEST_SUITE_END();

    const std::string _digest = "sha256:" + std::string(64, 'a');

    void findsByNameReferenceAndUrl() {
        ExtensionCatalog catalog;
        catalog.replace("directory", {document("b", "oci://ghcr.io/o/authz:v1", "b.yaml"),
                                      document("a", "oci://ghcr.io/o/authz:v1", "a.yaml"),
                                      document("pinned", "oci://ghcr.io/o/authz:v1@" + _digest, "p.yaml"),
                                      document("web", "https://files.example/x.wasm?y=1", "w.yaml")});
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/authz:v1"), catalog.find("a")->url);
        CPPUNIT_ASSERT(!catalog.find("c"));
        CPPUNIT_ASSERT_EQUAL(std::string("a b "), names(catalog.byReference(Reference::parse("ghcr.io/o/authz:v1"))));
        CPPUNIT_ASSERT_EQUAL(std::string("pinned "),
                             names(catalog.byReference(Reference::parse("ghcr.io/o/authz:v1@" + _digest))));
        for (const std::string other : {"ghcr.io/o/authz:v2", "ghcr.io/o/authz", "ghcr.io/o/authz2:v1"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(other, std::string(), names(catalog.byReference(Reference::parse(other))));
        CPPUNIT_ASSERT_EQUAL(std::string("web "), names(catalog.byUrl("https://files.example/x.wasm?y=1")));
        CPPUNIT_ASSERT_EQUAL(std::string(), names(catalog.byUrl("https://files.example/x.wasm")));
        // The name that stands for a url is nothing that a client asks a registry for.
        const auto web = referenceOfUrl("https://files.example/x.wasm?y=1");
        CPPUNIT_ASSERT_EQUAL(std::string(), names(catalog.byReference(web)));
        CPPUNIT_ASSERT(!catalog.byRepository(web.repository()).empty());
        CPPUNIT_ASSERT(!catalog.byRepository(Repository("ghcr.io", "o/authz")).empty());
        CPPUNIT_ASSERT(catalog.byRepository(Repository("ghcr.io", "o/other")).empty());

        catalog.replace("directory", {});
        CPPUNIT_ASSERT(!catalog.find("a"));
        CPPUNIT_ASSERT(catalog.byReference(Reference::parse("ghcr.io/o/authz:v1")).empty());
        CPPUNIT_ASSERT(catalog.byRepository(Repository("ghcr.io", "o/authz")).empty());
    }

    void aBadDocumentIsListedAndDisturbsNoOther() {
        ExtensionCatalog catalog;
        catalog.replace("directory", {document("a", "oci://ghcr.io/o/a:v1", "a.yaml"),
                                      document("b", "oci://ghcr.io/o/b:v1", "b.yaml")});
        catalog.replace("directory", {broken("a", "a.yaml"), document("b", "oci://ghcr.io/o/b:v1", "b.yaml")});
        CPPUNIT_ASSERT(!catalog.find("a"));
        CPPUNIT_ASSERT(catalog.byRepository(Repository("ghcr.io", "o/a")).empty());
        CPPUNIT_ASSERT(catalog.find("b"));
        const auto entries = catalog.entries();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), entries.size());
        CPPUNIT_ASSERT_EQUAL(std::string("a"), entries[0].document.name);
        CPPUNIT_ASSERT(!entries[0].document.extension);
        CPPUNIT_ASSERT_EQUAL(std::string("spec.url"), entries[0].document.problems.at(0).field);
        CPPUNIT_ASSERT(entries[1].document.extension && entries[1].document.problems.empty());
    }

    void aNameBelongsToWhoHadIt() {
        ExtensionCatalog catalog;
        catalog.replace("kubernetes", {document("a", "oci://ghcr.io/o/first:v1", "istio-system/a")});
        catalog.replace("directory", {document("a", "oci://ghcr.io/o/second:v1", "a.yaml"),
                                      document("a", "oci://ghcr.io/o/third:v1", "z.yaml")});
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/first:v1"), catalog.find("a")->url);
        int refused = 0;
        for (const auto& entry : catalog.entries()) {
            if (entry.document.extension) continue;
            ++refused;
            CPPUNIT_ASSERT_EQUAL(std::string("metadata.name"), entry.document.problems.at(0).field);
            CPPUNIT_ASSERT(entry.document.problems[0].message.find("istio-system/a") != std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(2, refused);
        CPPUNIT_ASSERT(catalog.byRepository(Repository("ghcr.io", "o/second")).empty());

        catalog.replace("kubernetes", {});
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/second:v1"), catalog.find("a")->url);
        // A file that sorts before the holder's takes nothing from it.
        catalog.replace("directory", {document("a", "oci://ghcr.io/o/zeroth:v1", "0.yaml"),
                                      document("a", "oci://ghcr.io/o/second:v2", "a.yaml")});
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/second:v2"), catalog.find("a")->url);
    }

    void switchedOffServesNone() {
        ExtensionCatalog catalog(false);
        std::vector<std::string> announced;
        catalog.onChange([&](const std::string& name) {
            catalog.entries(); // not under a lock
            announced.push_back(name);
        });
        catalog.replace("directory", {document("a", "oci://ghcr.io/o/a:v1", "a.yaml"),
                                      document("w", "https://files.example/x.wasm", "w.yaml")});
        CPPUNIT_ASSERT(!catalog.enabled() && !catalog.find("a"));
        CPPUNIT_ASSERT(catalog.byReference(Reference::parse("ghcr.io/o/a:v1")).empty());
        CPPUNIT_ASSERT(catalog.byUrl("https://files.example/x.wasm").empty());
        CPPUNIT_ASSERT(catalog.byRepository(Repository("ghcr.io", "o/a")).empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), catalog.entries().size());
        CPPUNIT_ASSERT(announced.empty());
        catalog.enable(true);
        catalog.enable(true);
        CPPUNIT_ASSERT((announced == std::vector<std::string>{"a", "w"})); // once
        CPPUNIT_ASSERT(catalog.find("a"));
        catalog.enable(false);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), announced.size());
    }

    void outcomes() {
        ExtensionCatalog catalog;
        std::vector<std::string> told;
        catalog.onOutcome([&](const ExtensionCatalog::Entry& entry) {
            catalog.entries(); // not under a lock
            told.push_back(entry.document.name + ":" + (entry.outcome.manifest ? "m" : "-") + entry.outcome.error);
        });
        const auto a = [](const std::string& url) {
            return std::vector<ExtensionDocument>{document("a", url, "a.yaml")};
        };
        catalog.replace("directory", a("oci://ghcr.io/o/a:v1"));
        const auto now = std::chrono::system_clock::now();
        const ExtensionOutcome good{Digest::of("m"), Digest::of("w"), "", now};
        catalog.record("a", good);
        catalog.record("a", good);
        catalog.record("stranger", good);
        catalog.record("a", {{}, {}, "denied", now});
        const std::vector<std::string> expected{"a:m", "a:mdenied"};
        CPPUNIT_ASSERT(told == expected);
        auto outcome = catalog.entries().at(0).outcome;
        CPPUNIT_ASSERT(outcome.manifest == Digest::of("m") && outcome.module == Digest::of("w"));
        CPPUNIT_ASSERT_EQUAL(std::string("denied"), outcome.error);

        catalog.replace("directory", a("oci://ghcr.io/o/a:v1"));
        CPPUNIT_ASSERT(catalog.entries().at(0).outcome.manifest.has_value());
        catalog.replace("directory", a("oci://ghcr.io/o/a:v2"));
        outcome = catalog.entries().at(0).outcome;
        CPPUNIT_ASSERT(!outcome.manifest && !outcome.module && outcome.error.empty());
    }

    void referencesOfUrls() {
        const std::string url = "https://files.example/x.wasm?a=b&c=%20";
        const auto reference = referenceOfUrl(url);
        CPPUNIT_ASSERT_EQUAL("files.example/url-sha256/" + std::string(Digest::of(url).hex()) + ":current",
                             reference.str());
        CPPUNIT_ASSERT_EQUAL(reference.str(), Reference::parse(reference.str()).str());
        CPPUNIT_ASSERT_EQUAL(std::string("files:80"), referenceOfUrl("http://files/x").repository().host());
        CPPUNIT_ASSERT_EQUAL(std::string("files:443"), referenceOfUrl("HTTPS://files?x").repository().host());
        CPPUNIT_ASSERT_EQUAL(std::string("[::1]:8080"), referenceOfUrl("http://[::1]:8080/x").repository().host());
        CPPUNIT_ASSERT(referenceOfUrl("http://a.b/x").repository() != referenceOfUrl("http://a.b/y").repository());

        const std::pair<std::string, std::string> rows[] = {
            {"", "scheme"},
            {"ftp://a.b/x", "scheme"},
            {"oci://a.b/x", "scheme"},
            {"https://", "no host"},
            {"https:///x", "no host"},
            {"https://?x", "no host"},
            {"https://robot:hunter2@a.b/x", "password"},
            {"https://robot@a.b/x", "password"},
            {"https://a.b/x#y", "fragment"},
            {"https://a.b/x y", "white space"},
            {"https://a.b/x\r\nHost: c", "control"},
            {"https://a.b/\xc3\xa4", "non-ASCII"},
            {"https://a.b\\@c.d/x", "backslash"},
            {"https://a.b:0/x", "port"},
            {"https://a.b:/x", "port"},
            {"https://0x7f.1/x", "IPv4"},
            {"https://a..b/x", "empty"},
            {"https://a.b/" + std::string(5000, 'x'), "4 KiB"},
        };
        for (const auto& [text, words] : rows) {
            const std::string& bad = text;
            expectError(bad, ErrorCode::ReferenceInvalid, words, [&] { referenceOfUrl(bad); });
        }
        try {
            referenceOfUrl("https://robot:hunter2@a.b/x");
        } catch (const Error& e) {
            CPPUNIT_ASSERT_MESSAGE(e.hint(), e.hint().find("imagePullSecret") == std::string::npos); // it has no effect
            CPPUNIT_ASSERT(std::string(e.what()).find("hunter2") == std::string::npos);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExtensionCatalogTest);
