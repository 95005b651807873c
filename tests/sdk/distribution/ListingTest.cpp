// SPDX-License-Identifier: Apache-2.0
// The ability "registry-listing/1": tags and referrers over pages that a registry may lead anywhere.
#include "BackendFixture.h"

#include "wasmproxy/plugin/RegistryListing.h"

using namespace wasmproxy;
using namespace wasmproxy::test;

namespace {

const std::string Canary = "canary-4711";
const std::string Bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
const std::string Sbom = "application/spdx+json";

/// A page that is there for whom the registry admits, and has that `Link`.
FakeRegistry::Change page(const std::string& body, const std::string& link = "",
                          const std::string& type = "application/json") {
    return [=](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
        if (reply.status == 401) return;
        reply.status = 200;
        reply.headers.clear();
        reply.set("Content-Type", type);
        if (!link.empty()) reply.headers.push_back({"Link", link});
        reply.body = body;
    };
}

std::string tagList(const std::string& names) {
    return R"({"name":"a/b","tags":[)" + names + "]}";
}

std::string child(char digit, const std::string& artifactType) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,"digest":"sha256:)" +
           std::string(64, digit) + R"(","artifactType":")" + artifactType + R"("})";
}

std::string index(const std::string& children) {
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + children +
           "]}";
}

FakeRegistry::Change indexPage(const std::string& children, const std::string& link = "") {
    return page(index(children), link, media::OciIndex);
}

} // namespace

class ListingTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(ListingTest);
    CPPUNIT_TEST(row15TagsFollowARelativeLink);
    CPPUNIT_TEST(row15TagsFollowAnAbsoluteLink);
    CPPUNIT_TEST(row15TagsReadLinksAsTheyAreWritten);
    CPPUNIT_TEST(row15TagsStopInALoop);
    CPPUNIT_TEST(row15TagsRefuseAForeignHost);
    CPPUNIT_TEST(row15TagsAreBounded);
    CPPUNIT_TEST(row15TagsOfNobody);
    CPPUNIT_TEST(row15TagsThatAreNone);
    CPPUNIT_TEST(row15TagsAfterARedirectOfTheRegistry);
    CPPUNIT_TEST(row16ReferrersFilteredByTheRegistry);
    CPPUNIT_TEST(row16ReferrersFilteredHereWithoutTheHeader);
    CPPUNIT_TEST(row16ReferrersByFallbackTag);
    CPPUNIT_TEST(row16ReferrersInPages);
    CPPUNIT_TEST(row16ReferrersAreBounded);
    CPPUNIT_TEST(hasTheAbility);
    CPPUNIT_TEST_SUITE_END();

    const Digest digest = Digest::of(Manifest);

    RegistryListing& listing() {
        auto* const found = static_cast<RegistryListing*>(backend->ability(RegistryListing::Id));
        CPPUNIT_ASSERT(found);
        return *found;
    }
    RegistryListing::Tags tags(std::size_t limit = 100, const Credential& credential = user()) {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        return listing().tags(call, repository, credential, limit);
    }
    RegistryListing::Referrers referrers(const std::string& artifactType = "", std::optional<Digest> of = {}) {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        return listing().referrers(call, repository, of.value_or(digest), user(), artifactType);
    }
    static std::string joined(const RegistryListing::Tags& tags) {
        std::string text;
        for (const auto& name : tags.names)
            text += name + ' ';
        return text + (tags.complete ? "all" : "cut");
    }
    /// The first digit of each digest.
    static std::string joined(const RegistryListing::Referrers& referrers) {
        std::string text;
        for (const auto& descriptor : referrers.descriptors)
            text += descriptor.digest.str()[7];
        return text + (referrers.complete ? " all" : " cut");
    }
    void expectNoLeak(const std::string& row = "") const {
        const auto leaks = registry.leaks({Canary}, {Origin});
        CPPUNIT_ASSERT_MESSAGE(row + ": " + (leaks.empty() ? "" : leaks.front()), leaks.empty());
    }

    /// Two pages, the first with `link`; returns what was listed.
    std::string twoPages(const std::string& link) {
        registry.heal();
        registry.forgetSeen();
        registry.inject("GET", "/tags/list?n=", page(tagList(R"("v1","v2")"), link));
        registry.inject("GET", "/tags/list?last=v2", page(tagList(R"("v3")")));
        return joined(tags());
    }

    void row15TagsFollowARelativeLink() {
        serve(bearer());
        for (const std::string& link : std::vector<std::string>{R"(</v2/a/b/tags/list?last=v2&n=2>; rel="next")",
                                                                "<?last=v2>; rel=next", "<list?last=v2>;rel=next"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(link, std::string("v1 v2 v3 all"), twoPages(link));
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/v2/a/b/tags/list?last=v2"));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("v1 v2 all"), twoPages(""));
        // The first page's size is asked for, and no more than a page of Amazon's.
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/v2/a/b/tags/list?n=100"));
        tags(5000);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/v2/a/b/tags/list?n=1000"));
    }

    void row15TagsFollowAnAbsoluteLink() {
        serve(bearer());
        for (const std::string& origin :
             std::vector<std::string>{"https://reg.example.com", "//reg.example.com", "https://reg.example.com:443",
                                      "HTTPS://REG.example.com."})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(origin, std::string("v1 v2 v3 all"),
                                         twoPages("<" + origin + "/v2/a/b/tags/list?last=v2>; rel=\"next\""));
        expectNoLeak();
    }

    void row15TagsReadLinksAsTheyAreWritten() {
        serve();
        const std::string target = "</v2/a/b/tags/list?last=v2>";
        for (const std::string& link :
             {target + "; rel=next", target + ";REL = \"Next\"",
              target + "; title=\"a, b; rel=prev\"; rel=\"prev next\"", "</x>; rel=prev, " + target + "; rel=next",
              "</a,b;c>; rel=prev," + target + ";rel=next"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(link, std::string("v1 v2 v3 all"), twoPages(link));
        for (const std::string& link :
             {target, target + "; rel=prev", target + "; rel=nextish", target + "; title=\"rel=next\"",
              target + "; rel", std::string("/v2/a/b/tags/list?last=v2; rel=next"), std::string("<"),
              std::string("<<<"), std::string("<x; rel=next"), target + ", ; rel=next", target + "; title=\"\\\"",
              std::string("\"\\")})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(link, std::string("v1 v2 all"), twoPages(link));
    }

    void row15TagsStopInALoop() {
        serve();
        registry.inject("GET", "/tags/list", page(tagList(R"("v1")"), "</v2/a/b/tags/list?n=100>; rel=next"));
        CPPUNIT_ASSERT_EQUAL(std::string("v1 cut"), joined(tags()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.seen().size());
        registry.heal();
        registry.forgetSeen();
        registry.inject("GET", "?n=", page(tagList(R"("v1")"), "<?last=a>; rel=next"));
        registry.inject("GET", "?last=a", page(tagList(R"("v2")"), "<?last=b>; rel=next"));
        registry.inject("GET", "?last=b", page(tagList(R"("v3")"), "<?last=a>; rel=next"));
        CPPUNIT_ASSERT_EQUAL(std::string("v1 v2 v3 cut"), joined(tags()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), registry.seen().size());
    }

    void row15TagsRefuseAForeignHost() {
        serve(bearer());
        registry.serve("https://evil.example.net");
        const std::string path = "/v2/a/b/tags/list?last=v2";
        for (const std::string& origin : std::vector<std::string>{
                 "https://evil.example.net", "//evil.example.net", "https://sub.reg.example.com", "https://example.com",
                 "https://reg.example.com:8443", "http://reg.example.com", "https://192.0.2.1", "https://[2001:db8::1]",
                 "https://xn--rg-bja.example.com", "https://reg.example.com.evil.example.net"}) {
            test::expectError(origin, ErrorCode::UpstreamInvalid, "the next page is refused: it leads to",
                              [&] { twoPages("<" + origin + path + ">; rel=next"); });
            CPPUNIT_ASSERT_EQUAL_MESSAGE(origin, registry.seen().size(),
                                         registry.seenAt(Origin).size()); // not even asked
        }
        for (const auto& [link, words] : std::vector<std::pair<std::string, std::string>>{
                 {"https://user:canary@reg.example.com" + path, "user name"},
                 {"https://reg.example.com@evil.example.net" + path, "user name"},
                 {"https://r\xc3\xa9g.example.com" + path, "host is malformed"},
                 {"https://0x7f.1" + path, "number"},
                 {"ftp://reg.example.com" + path, "neither http nor https"},
                 {"", "it is empty"},
                 {"/v2/a/c/tags/list?last=v2", "out of the list"},
                 {"/v2/a/b/../c/tags/list?last=v2#", "out of the list"},
                 {"/v2/a/b/blobs/x?last=v2", "out of the list"},
                 {"/admin?last=v2", "out of the list"}})
            test::expectError(link, ErrorCode::UpstreamInvalid, words,
                              [&, &to = link] { twoPages("<" + to + ">; rel=next"); });
        expectNoLeak();
        CPPUNIT_ASSERT(authorized() > 0);
    }

    void row15TagsAreBounded() {
        serve();
        registry.inject("GET", "/tags/list", page(tagList(R"("v1","v2","v3")"), "<?last=v3>; rel=next"));
        CPPUNIT_ASSERT_EQUAL(std::string("v1 v2 cut"), joined(tags(2)));
        CPPUNIT_ASSERT_EQUAL(std::string("v1 v2 v3 cut"), joined(tags(3)));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.seen().size());
        CPPUNIT_ASSERT_EQUAL(std::string("cut"), joined(tags(0)));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.seen().size());
        // Pages without end, each with a new link.
        int number = 0;
        registry.heal();
        registry.forgetSeen();
        registry.inject("GET", "/tags/list", [&](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            page(tagList(""), "<?last=" + std::to_string(++number) + ">; rel=next")(seen, reply);
        });
        CPPUNIT_ASSERT_EQUAL(std::string("cut"), joined(tags()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(100), registry.seen().size());
        // Many names: as many as anybody gets.
        std::string names = "\"x\"";
        for (int i = 0; i < 20000; ++i)
            names += ",\"x" + std::to_string(i) + '"';
        registry.heal();
        registry.inject("GET", "/tags/list", page(tagList(names)));
        CPPUNIT_ASSERT_EQUAL(std::size_t(10000), tags(SIZE_MAX).names.size());
        // Large pages: one is refused, many are too much.
        registry.heal();
        registry.inject("GET", "/tags/list", page(tagList(std::string(5u << 20, ' '))));
        test::expectError("5 MiB", ErrorCode::UpstreamInvalid, "4194304", [&] { tags(); });
        registry.heal();
        registry.forgetSeen();
        registry.inject("GET", "/tags/list", [&](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            page(tagList(std::string(3u << 20, ' ')), "<?last=" + std::to_string(++number) + ">; rel=next")(seen,
                                                                                                            reply);
        });
        CPPUNIT_ASSERT_EQUAL(std::string("cut"), joined(tags()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(6), registry.seen().size());
    }

    void row15TagsOfNobody() {
        serve();
        CPPUNIT_ASSERT_EQUAL(std::string("all"), joined(tags())); // 404
        registry.inject("GET", "/tags/list", page(R"({"name":"a/b","tags":null})"));
        CPPUNIT_ASSERT_EQUAL(std::string("all"), joined(tags()));
        registry.heal();
        registry.inject("GET", "/tags/list", page(R"({"name":"a/b"})"));
        CPPUNIT_ASSERT_EQUAL(std::string("all"), joined(tags()));
        registry.heal();
        registry.inject("GET", "/tags/list?n=", page(tagList(R"("v1")"), "<?last=v1>; rel=next"));
        test::expectError("a page that is gone", ErrorCode::UpstreamInvalid, "tags/list", [&] { tags(); });
        registry.heal();
        registry.inject("GET", "/tags/list", faults::status(500));
        test::expectError("500", ErrorCode::UpstreamUnavailable, "a/b tags/list: the registry answered 500",
                          [&] { tags(); });
        registry.heal();
        serve(bearer());
        test::expectError("401", ErrorCode::CredentialRefused, "my-pull-secret", [&] { tags(1, user("wrong")); });
    }

    void row15TagsThatAreNone() {
        serve();
        for (const std::string& body :
             {tagList(R"("a b")"), tagList(R"("a\r\nX: y")"), tagList(R"("")"), tagList(R"("../x")"), tagList("7"),
              tagList('"' + std::string(129, 'a') + '"'), std::string("<html>"), std::string(R"({"tags":{}})"),
              std::string("[]"), std::string("")}) {
            registry.heal();
            registry.inject("GET", "/tags/list", page(body));
            test::expectError(body, ErrorCode::UpstreamInvalid, "reg.example.com", [&] { tags(); });
        }
    }

    void row15TagsAfterARedirectOfTheRegistry() {
        serve(bearer());
        registry.inject("GET", "/v2/a/b/tags/list", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (reply.status == 404)
                faults::redirect(307, "/v2/a/library/b/tags/list" + seen.target.substr(seen.target.find('?')))(seen,
                                                                                                               reply);
        });
        const auto moved = [](const std::string& names, const std::string& link) {
            return [=](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
                reply.status = 404; // this place admits whoever the other one sent
                page(tagList(names), link)(seen, reply);
            };
        };
        registry.inject("GET", "/v2/a/library/b/tags/list?n=", moved(R"("v1")", "<?last=v1>; rel=next"));
        registry.inject("GET", "/v2/a/library/b/tags/list?last=v1", moved(R"("v2")", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("v1 v2 all"), joined(tags()));
        // Elsewhere, whoever lists there has no say about the next page.
        registry.heal();
        registry.forgetSeen();
        registry.put("https://lists.example.net/list", tagList(R"("v1")"));
        registry.inject("", "https://lists.example.net", faults::header("Link", "<?last=v1>; rel=next"));
        registry.inject("GET", "/v2/a/b/tags/list", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (reply.status == 404) faults::redirect(302, "https://lists.example.net/list")(seen, reply);
        });
        test::expectError("elsewhere", ErrorCode::UpstreamInvalid, "leads to https://lists.example.net",
                          [&] { tags(); });
        expectNoLeak();
    }

    void row16ReferrersFilteredByTheRegistry() {
        serve(bearer());
        registry.inject("GET", "/referrers/", indexPage(child('a', Bundle) + "," + child('b', Bundle)));
        registry.inject("GET", "/referrers/", faults::header("OCI-Filters-Applied", "x, artifactType"));
        CPPUNIT_ASSERT_EQUAL(std::string("ab all"), joined(referrers(Bundle)));
        CPPUNIT_ASSERT_EQUAL(
            std::size_t(2),
            registry.count("GET", "/v2/a/b/referrers/" + digest.str() +
                                      "?artifactType=application%2Fvnd.dev.sigstore.bundle.v0.3%2Bjson"));
        CPPUNIT_ASSERT_EQUAL(std::string(media::OciIndex), registry.seen().back().header("Accept"));
        CPPUNIT_ASSERT_EQUAL(Bundle, referrers(Bundle).descriptors.at(0).artifactType);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(7), referrers(Bundle).descriptors.at(0).size);
        registry.heal();
        registry.inject("GET", "/referrers/", indexPage(""));
        CPPUNIT_ASSERT_EQUAL(std::string(" all"), joined(referrers()));
        expectNoLeak();
    }

    void row16ReferrersFilteredHereWithoutTheHeader() {
        serve();
        registry.inject("GET", "/referrers/",
                        indexPage(child('a', Bundle) + "," + child('b', Sbom) + "," + child('c', Bundle)));
        CPPUNIT_ASSERT_EQUAL(std::string("ac all"), joined(referrers(Bundle)));
        CPPUNIT_ASSERT_EQUAL(std::string("b all"), joined(referrers(Sbom)));
        CPPUNIT_ASSERT_EQUAL(std::string(" all"), joined(referrers("application/x")));
        CPPUNIT_ASSERT_EQUAL(std::string("abc all"), joined(referrers()));
        registry.inject("GET", "/referrers/", faults::header("OCI-Filters-Applied", "artifactTypes"));
        CPPUNIT_ASSERT_EQUAL(std::string("ac all"), joined(referrers(Bundle)));
    }

    void row16ReferrersByFallbackTag() {
        serve(bearer());
        CPPUNIT_ASSERT_EQUAL(std::string(" all"), joined(referrers(Bundle))); // 404, and no tag
        const std::string tag = "sha256-" + std::string(digest.hex());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/v2/a/b/manifests/" + tag));
        registry.push(Origin, "a/b", tag, index(child('a', Bundle) + "," + child('b', Sbom)), media::OciIndex);
        CPPUNIT_ASSERT_EQUAL(std::string("a all"), joined(referrers(Bundle)));
        CPPUNIT_ASSERT_EQUAL(std::string("ab all"), joined(referrers()));
        const auto refused = [](int status) {
            return [status](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
                if (reply.status != 401) faults::status(status)(seen, reply);
            };
        };
        for (const int status : {400, 406}) {
            registry.heal();
            registry.inject("GET", "/referrers/", refused(status));
            CPPUNIT_ASSERT_EQUAL(std::string("b all"), joined(referrers(Sbom)));
        }
        registry.heal();
        registry.inject("GET", "/referrers/", page("<html>", "", "text/html"));
        CPPUNIT_ASSERT_EQUAL(std::string("a all"), joined(referrers(Bundle)));
        for (const int status : {403, 500, 503}) { // says nothing about the API: no signature may go missing by it
            registry.heal();
            registry.inject("GET", "/referrers/", refused(status));
            test::expectError(std::to_string(status),
                              status == 403 ? ErrorCode::RepositoryDenied : ErrorCode::UpstreamUnavailable, "referrers",
                              [&] { referrers(Bundle); });
        }
        registry.heal();
        registry.push(Origin, "a/b", tag, Manifest, media::OciManifest);
        registry.inject("GET", "/manifests/", page(Manifest, "", media::OciManifest));
        test::expectError("no index", ErrorCode::UpstreamInvalid, "image index", [&] { referrers(); });
        registry.heal();
        registry.forgetSeen();
        DigestStream longer("sha512");
        const Digest sha512 = longer.finish();
        referrers("", sha512);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1),
                             registry.count("GET", "/manifests/sha512-" + std::string(sha512.hex().substr(0, 64))));
        expectNoLeak();
    }

    void row16ReferrersInPages() {
        serve(bearer());
        const std::string path = "/v2/a/b/referrers/" + digest.str();
        const std::string encoded = "/v2/a/b/referrers/sha256%3A" + std::string(digest.hex());
        registry.inject("GET", "/referrers/", indexPage(child('a', Bundle), "<" + encoded + "?page=2>; rel=next"));
        registry.inject("GET", "?page=2", indexPage(child('b', Bundle)));
        CPPUNIT_ASSERT_EQUAL(std::string("ab all"), joined(referrers()));
        registry.inject("GET", "?page=2", indexPage(child('c', Bundle), "<" + path + "?page=2>; rel=next"));
        CPPUNIT_ASSERT_EQUAL(std::string("ac cut"), joined(referrers()));
        registry.inject("GET", "?page=2", page("{}"));
        test::expectError("second page", ErrorCode::UpstreamInvalid, "", [&] { referrers(); });
        registry.heal();
        registry.inject("GET", "/referrers/", indexPage("", "<https://evil.example.net" + path + ">; rel=next"));
        test::expectError("foreign", ErrorCode::UpstreamInvalid, "leads to https://evil.example.net",
                          [&] { referrers(); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.seenAt("https://evil.example.net").size());
        expectNoLeak();
    }

    void row16ReferrersAreBounded() {
        serve();
        std::string many = child('a', Bundle);
        for (int i = 1; i < 600; ++i)
            many += "," + child('a', Bundle);
        registry.inject("GET", "/referrers/", indexPage(many, "<?page=2>; rel=next"));
        registry.inject("GET", "?page=2", indexPage(many));
        const auto cut = referrers();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1000), cut.descriptors.size());
        CPPUNIT_ASSERT(!cut.complete);
        registry.heal();
        registry.inject("GET", "/referrers/", indexPage(many + "," + many));
        test::expectError("one page", ErrorCode::UpstreamInvalid, "at most 1000", [&] { referrers(); });
        test::expectError("no digest", ErrorCode::DigestInvalid, "digest", [&] { referrers("", Digest()); });
    }

    void hasTheAbility() {
        CPPUNIT_ASSERT(backend->capabilities().referrers);
        CPPUNIT_ASSERT(backend->ability("registry-listing/1"));
        for (const char* id : {"", "registry-listing", "registry-listing/2", "registry-health/1"})
            CPPUNIT_ASSERT_MESSAGE(id, !backend->ability(id));
        CPPUNIT_ASSERT(!backend->ability(nullptr));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ListingTest);
