// SPDX-License-Identifier: Apache-2.0
// What an Extension permits, with which Secret, and what its url and sha256 mean.
#include "PullRooms.h"

#include "support/TemporaryFolder.h"

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;

namespace {

const std::string Url = "https://files.example.com/authz.wasm";

ExtensionDocument document(Extension extension) {
    if (extension.httpUrl.empty()) {
        extension.reference = Reference::parse(extension.url.substr(6));
    } else {
        extension.url = extension.httpUrl;
        extension.reference = referenceOfUrl(extension.httpUrl);
    }
    extension.origin = "test";
    const auto name = extension.name;
    return {name, "test", std::make_shared<const Extension>(std::move(extension)), {}};
}

Extension ofRegistry(const std::string& name, const std::string& reference, const std::string& secret) {
    Extension extension;
    extension.name = name;
    extension.url = "oci://" + reference;
    extension.imagePullSecret = secret;
    return extension;
}

Extension ofFile(const std::string& name) {
    Extension extension;
    extension.name = name;
    extension.httpUrl = Url;
    return extension;
}

template <class Start>
std::future<Answer> asking(Start start) {
    auto promise = std::make_shared<std::promise<Answer>>();
    start([promise](ModuleResult result) { promise->set_value({std::move(result), {}}); });
    return promise->get_future();
}

} // namespace

class ExtensionPullTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExtensionPullTest);
    CPPUNIT_TEST(isItsOwnPermissionWithItsSecret);
    CPPUNIT_TEST(aMissingSecretIsNamed);
    CPPUNIT_TEST(secretChoosesAmongExtensionsOnly);
    CPPUNIT_TEST(sha256IsOfTheModule);
    CPPUNIT_TEST(whatWasPublishedIsServedAfterTheTagMoved);
    CPPUNIT_TEST(isAnsweredOfByItsLink);
    CPPUNIT_TEST(switchedOffServesNone);
    CPPUNIT_TEST(aFileIsUnpackedAndRevalidated);
    CPPUNIT_TEST(aFileThatIsGoneOrMovesIsJudged);
    CPPUNIT_TEST(outcomesAreRecorded);
    CPPUNIT_TEST_SUITE_END();

    wasmproxy::test::TemporaryFolder _folder;
    testing::FakeRegistry _registry;
    ChangingSource _source;
    const std::string _module = moduleBytes("one");
    Digest _manifest;

    void put(Rooms& rooms, std::vector<Extension> extensions) {
        std::vector<ExtensionDocument> documents;
        for (auto& each : extensions)
            documents.push_back(document(std::move(each)));
        rooms.extensions.replace("test", std::move(documents));
    }
    Answer fetch(Rooms& rooms, const std::string& reference, const std::string& secret = {}) {
        return wait(asking([&](ModuleCallback callback) {
            rooms.pulls.byReference(Reference::parse(reference), secret, {"req", "10.0.0.1"}, std::move(callback));
        }));
    }
    Answer named(Rooms& rooms, const std::string& name, const std::optional<Digest>& digest = {}) {
        return wait(asking([&](ModuleCallback callback) {
            rooms.pulls.byExtension(name, digest, {"req", "10.0.0.1"}, std::move(callback));
        }));
    }
    Answer url(Rooms& rooms) {
        return wait(asking([&](ModuleCallback callback) {
            rooms.pulls.byUrl(Url, {}, {"req", "10.0.0.1"}, std::move(callback));
        }));
    }

public:
    void setUp() override {
        servePrivate(_registry);
        _manifest = pushModule(_registry, "other/authz", "v1", _module); // a repository without a route
        _source.set("");
        _source.setSecret("regcred", "right");
        _source.setSecret("wrong", "not it");
    }

    void isItsOwnPermissionWithItsSecret() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const std::string reference = "r.example.com/other/authz:v1";
        CPPUNIT_ASSERT(fetch(rooms, reference).code() == ErrorCode::RouteUnknown);
        put(rooms, {ofRegistry("authz", reference, "regcred")});
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(fetch(rooms, reference).module()));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(rooms, "authz").module()));
        // Another tag of the same repository is not what it permits.
        pushModule(_registry, "other/authz", "v2", moduleBytes("two"));
        CPPUNIT_ASSERT(fetch(rooms, "r.example.com/other/authz:v2").code() == ErrorCode::RouteUnknown);
        put(rooms, {});
        CPPUNIT_ASSERT(fetch(rooms, reference).code() == ErrorCode::RouteUnknown); // cache is not permission
        CPPUNIT_ASSERT(named(rooms, "authz").code() == ErrorCode::RouteUnknown);
    }

    void aMissingSecretIsNamed() {
        auto options = quickOptions();
        options.hold = milliseconds(600);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60), options);
        put(rooms, {ofRegistry("authz", "r.example.com/other/authz:v1", "absent")});
        const auto answer = named(rooms, "authz");
        CPPUNIT_ASSERT(answer.code() == ErrorCode::CredentialSourceFault);
        CPPUNIT_ASSERT(std::string(std::get<Error>(answer.result).what()).find("absent") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), _registry.seen().size()); // and nothing is tried without it
        // It appears where it belongs: the next pull uses it.
        _source.setSecret("absent", "right");
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(rooms, "authz").module()));
    }

    void secretChoosesAmongExtensionsOnly() {
        auto options = quickOptions();
        options.hold = milliseconds(600);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60), options);
        const std::string reference = "r.example.com/other/authz:v1";
        put(rooms, {ofRegistry("a-wrong", reference, "wrong"), ofRegistry("b-right", reference, "regcred")});
        CPPUNIT_ASSERT(fetch(rooms, reference, "elsewhere").code() == ErrorCode::RouteUnknown);
        CPPUNIT_ASSERT(fetch(rooms, reference).code() == ErrorCode::CredentialRefused); // the first by name
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(fetch(rooms, reference, "regcred").module()));
        // Where no Extension has the url, a Secret's name opens nothing, route or not.
        pushModule(_registry, "team/routed", "v1", _module);
        CPPUNIT_ASSERT(fetch(rooms, "r.example.com/team/routed:v1", "regcred").code() == ErrorCode::RouteUnknown);
    }

    void sha256IsOfTheModule() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        auto extension = ofRegistry("authz", "r.example.com/other/authz:v1", "regcred");
        extension.sha256 = Digest::of(_module);
        put(rooms, {extension});
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(rooms, "authz").module()));
        extension.sha256 = Digest::of("something else");
        put(rooms, {extension});
        const auto other = named(rooms, "authz");
        CPPUNIT_ASSERT(other.code() == ErrorCode::ModuleUnusable);
        CPPUNIT_ASSERT(std::string(std::get<Error>(other.result).what()).find(Digest::of(_module).str()) !=
                       std::string::npos);
        extension.sha256 = _manifest;
        put(rooms, {extension});
        const auto manifest = named(rooms, "authz");
        CPPUNIT_ASSERT(manifest.code() == ErrorCode::ModuleUnusable);
        CPPUNIT_ASSERT(std::get<Error>(manifest.result).hint().find("@" + _manifest.str()) != std::string::npos);
    }

    void whatWasPublishedIsServedAfterTheTagMoved() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(50));
        put(rooms, {ofRegistry("authz", "r.example.com/other/authz:v1", "regcred")});
        const auto first = named(rooms, "authz").module();
        CPPUNIT_ASSERT_EQUAL(_manifest.str(), first.manifest.str());
        pushModule(_registry, "other/authz", "v1", moduleBytes("two"));
        std::this_thread::sleep_for(milliseconds(100));
        CPPUNIT_ASSERT_EQUAL(moduleBytes("two"), contentOf(named(rooms, "authz").module()));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(rooms, "authz", _manifest).module()));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(rooms, "authz", Digest::of(_module)).module()));
        // A replica that never saw it asks the registry for the manifest by its digest.
        wasmproxy::test::TemporaryFolder cold;
        Rooms replica(_registry, cold.path(), _source, seconds(60));
        put(replica, {ofRegistry("authz", "r.example.com/other/authz:v1", "regcred")});
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(replica, "authz", _manifest).module()));
    }

    void isAnsweredOfByItsLink() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        put(rooms, {ofRegistry("authz", "r.example.com/other/authz:v1", "regcred")});
        named(rooms, "authz").module();
        const auto byModule = [&] {
            return wait(asking([&](ModuleCallback callback) {
                rooms.pulls.bySha256(Digest::of(_module), {"req", "10.0.0.1"}, std::move(callback));
            }));
        };
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(byModule().module()));
        put(rooms, {});
        CPPUNIT_ASSERT(byModule().code() == ErrorCode::ModuleUnknown);
    }

    void switchedOffServesNone() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        ExtensionCatalog off(false);
        const PullTargets targets(rooms.routes, off, nullptr);
        off.replace("test", {document(ofRegistry("authz", "r.example.com/other/authz:v1", "regcred"))});
        try {
            targets.byExtension("authz");
            CPPUNIT_FAIL("served");
        } catch (const Error& error) {
            CPPUNIT_ASSERT(error.code() == ErrorCode::RouteUnknown);
            CPPUNIT_ASSERT(error.hint().find("enable-wasm-download-proxy") != std::string::npos);
        }
        CPPUNIT_ASSERT_THROW(targets.byReference(Reference::parse("r.example.com/other/authz:v1"), {}), Error);
        CPPUNIT_ASSERT(!targets.byReference(Reference::parse("r.example.com/team/x:v1"), {}).extension); // the route
    }

    void aFileIsUnpackedAndRevalidated() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(300));
        _registry.put(Url, _module);
        _registry.inject("GET", Url, [](const testing::FakeRegistry::Seen& seen, testing::FakeRegistry::Reply& reply) {
            reply.set("ETag", "\"v1\"");
            if (seen.header("If-None-Match") != "\"v1\"") return;
            reply.status = 304;
            reply.body.clear();
        });
        CPPUNIT_ASSERT(url(rooms).code() == ErrorCode::RouteUnknown); // nobody wrote it into a catalog
        put(rooms, {ofFile("authz")});
        CPPUNIT_ASSERT(url(rooms).module().cache == CacheResult::Miss);
        CPPUNIT_ASSERT(url(rooms).module().cache == CacheResult::Hit);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.seen().size());
        std::this_thread::sleep_for(milliseconds(400));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(rooms, "authz").module()));
        const auto asked = _registry.seen().size(); // in the background, too
        CPPUNIT_ASSERT(asked == 2 || asked == 3);
        CPPUNIT_ASSERT_EQUAL(std::string("\"v1\""), _registry.seen().back().header("If-None-Match"));
        // New content is seen, a 304 for what was evicted is not believed.
        _registry.heal();
        _registry.put(Url, moduleBytes("two"));
        std::this_thread::sleep_for(milliseconds(400));
        CPPUNIT_ASSERT_EQUAL(moduleBytes("two"), contentOf(url(rooms).module()));
        CPPUNIT_ASSERT(_registry.leaks({"right"}, {}).empty()); // no credential went anywhere
    }

    void aFileThatIsGoneOrMovesIsJudged() {
        auto options = quickOptions();
        options.hold = milliseconds(900);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60), options);
        put(rooms, {ofFile("authz")});
        _registry.serve("https://files.example.com"); // answers 404 to paths it does not know
        CPPUNIT_ASSERT(url(rooms).code() == ErrorCode::ManifestUnknown);
        const auto redirectTo = [&](const std::string& location, std::size_t times) {
            _registry.heal();
            _registry.inject(
                "GET", Url,
                [location](const testing::FakeRegistry::Seen&, testing::FakeRegistry::Reply& reply) {
                    reply.status = 302;
                    reply.set("Location", location);
                },
                times);
        };
        _registry.put("https://cdn.example.net/x", _module);
        put(rooms, {ofFile("redirected")});
        redirectTo("https://cdn.example.net/x", 100);
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(named(rooms, "redirected").module()));
        for (const std::string location : {"http://cdn.example.net/x", Url.c_str(), "ftp://cdn.example.net/x"}) {
            Rooms fresh(_registry, wasmproxy::test::TemporaryFolder().path(), _source, seconds(60), options);
            put(fresh, {ofFile("f")});
            redirectTo(location, 100);
            CPPUNIT_ASSERT_MESSAGE(location, named(fresh, "f").code() != ErrorCode::ManifestUnknown);
        }
    }

    void outcomesAreRecorded() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        put(rooms, {ofRegistry("authz", "r.example.com/other/authz:v1", "regcred")});
        named(rooms, "authz").module();
        const auto outcome = rooms.extensions.entries().at(0).outcome;
        CPPUNIT_ASSERT(outcome.manifest && outcome.module && outcome.error.empty());
        CPPUNIT_ASSERT_EQUAL(_manifest.str(), outcome.manifest->str());
        CPPUNIT_ASSERT_EQUAL(Digest::of(_module).str(), outcome.module->str());
        put(rooms, {ofRegistry("bad", "r.example.com/other/nothing:v1", "regcred")});
        CPPUNIT_ASSERT(named(rooms, "bad").code() == ErrorCode::ManifestUnknown);
        CPPUNIT_ASSERT(!rooms.extensions.entries().at(0).outcome.error.empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExtensionPullTest);
