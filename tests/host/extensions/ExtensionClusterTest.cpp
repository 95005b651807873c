// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionCluster.h"

#include "observe/LogFormatter.h"
#include "sdk/kubernetes/KubeFixture.h"

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Logger.h>
#include <Poco/Message.h>

#include <algorithm>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::host;
using wasmproxy::test::Cluster;
using wasmproxy::test::KubeApi;
using namespace std::chrono_literals;

namespace {

const std::string Namespace = "istio-system";
const std::string Resource = "wasmextensions";

class Lines final : public Poco::Channel {
public:
    void log(const Poco::Message& message) override {
        std::string line;
        const std::lock_guard<std::mutex> lock(_mutex);
        _formatter->format(message, line);
        _lines.push_back(line);
    }
    std::size_t count(const std::string& part) const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return static_cast<std::size_t>(std::count_if(_lines.begin(), _lines.end(), [&](const std::string& line) {
            return line.find(part) != std::string::npos;
        }));
    }

    std::string text() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        std::string result;
        for (const auto& line : _lines)
            result += line + "\n";
        return result;
    }

private:
    Poco::AutoPtr<LogFormatter> _formatter{new LogFormatter(LogFormatter::Style::Text)};
    mutable std::mutex _mutex;
    std::vector<std::string> _lines;
};

/// What the log is told while this lives.
class LogCapture {
public:
    LogCapture() : _logger(Poco::Logger::get("wasm-proxy")), _before(_logger.getChannel(), true) {
        _logger.setChannel(_lines);
    }
    ~LogCapture() { _logger.setChannel(_before); }
    std::size_t count(const std::string& part) const { return _lines->count(part); }
    std::string text() const { return _lines->text(); }

private:
    Poco::Logger& _logger;
    Poco::AutoPtr<Poco::Channel> _before;
    Poco::AutoPtr<Lines> _lines{new Lines};
};

template <class Condition>
bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

/// A catalog that follows a cluster.
struct Followed {
    LogCapture log;
    Cluster cluster;
    KubeApi& api = cluster.api;
    ExtensionCatalog catalog;
    std::mutex mutex;
    std::vector<std::string> changes;
    std::unique_ptr<ExtensionCluster> extensions;

    explicit Followed(const std::string& publicUrl = "http://fetcher") {
        catalog.onChange([this](const std::string& name) {
            const std::lock_guard<std::mutex> lock(mutex);
            changes.push_back(name);
        });
        catalog.onOutcome([this](const ExtensionCatalog::Entry& entry) { extensions->outcome(entry); });
        kubernetes::WatchTiming timing;
        timing.firstDelay = 10ms;
        timing.longestDelay = 50ms;
        timing.relist = 10ms;
        extensions = std::make_unique<ExtensionCluster>(
            std::make_unique<testing::TestServices>(cluster.transport), cluster.config(), Namespace, catalog,
            [publicUrl](const std::string& name, const Digest& manifest) {
                return publicUrl.empty() ? "" : publicUrl + "/" + name + "?" + manifest.str();
            },
            timing);
    }
    ~Followed() { extensions.reset(); } // before what it tells

    void put(const std::string& name, const std::string& spec, const std::string& uid = "1") {
        api.put(Resource, Namespace, name,
                R"({"apiVersion":"extension.wasmproxy.io/v1alpha1","kind":"WasmExtension","metadata":{"uid":")" + uid +
                    R"(","managedFields":[{"manager":"kubectl"}]},"spec":)" + spec + "}");
    }
    static std::string url(const std::string& tag) { return R"({"url":"oci://ghcr.io/o/a:)" + tag + "\"}"; }
    void start() { extensions->start(); }

    std::string tag(const std::string& name) const {
        const auto extension = catalog.find(name);
        return extension ? extension->reference.tag() : "";
    }
    bool has(const std::string& name, const std::string& tag) const {
        return eventually([&] { return this->tag(name) == tag; });
    }
    std::string problem(const std::string& name) const {
        for (const auto& entry : catalog.entries())
            if (entry.document.name == name && !entry.document.problems.empty())
                return entry.document.origin + " " + entry.document.problems[0].field;
        return {};
    }
    std::string status(const std::string& name) const {
        const auto json = api.json(Resource, Namespace, name);
        const auto at = json.find("\"status\":");
        return at == std::string::npos ? "" : json.substr(at + 9, json.find('}', at) - at - 8);
    }
    bool hasStatus(const std::string& name, const std::string& expected) const {
        return eventually([&] { return status(name) == expected; });
    }
    void leastRole(bool withStatus) {
        for (const char* verb : {"get", "list", "watch"})
            api.allow(verb, Resource);
        if (withStatus) api.allow("update", Resource + "/status");
    }
    std::size_t updates() const { return static_cast<std::size_t>(api.requests("update")); }
    void settled() const { std::this_thread::sleep_for(150ms); } // three times the longest delay
};

Digest digest(char digit) {
    return Digest::parse("sha256:" + std::string(64, digit));
}

ExtensionOutcome pulled(char manifest, char module) {
    return {digest(manifest), digest(module), {}, std::chrono::system_clock::now()};
}

std::string statusText(char manifest, char module, const std::string& name) {
    return R"({"moduleSha256":")" + std::string(64, module) + R"(","resolvedDigest":")" + digest(manifest).str() +
           R"(","url":"http://fetcher/)" + name + "?" + digest(manifest).str() + "\"}";
}

} // namespace

class ExtensionClusterTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExtensionClusterTest);
    CPPUNIT_TEST(followsTheResources);
    CPPUNIT_TEST(aBadDocumentIsListedAndToldInItsStatus);
    CPPUNIT_TEST(writesWhatBecameOfThem);
    CPPUNIT_TEST(withoutAPublicUrlNoneIsTold);
    CPPUNIT_TEST(writesNothingTwice);
    CPPUNIT_TEST(anotherReplicasStatusIsNotWrittenAgain);
    CPPUNIT_TEST(oneMadeAnewGetsItsStatus);
    CPPUNIT_TEST(theLeastRoleIsEnough);
    CPPUNIT_TEST(aForbiddenStatusIsToldOnceWithTheRule);
    CPPUNIT_TEST(aConflictIsRetried);
    CPPUNIT_TEST(lastingConflictsOfOneDoNotHoldUpOthers);
    CPPUNIT_TEST(anOutageChangesNothing);
    CPPUNIT_TEST(aMissingDefinitionIsToldOnce);
    CPPUNIT_TEST_SUITE_END();

    void followsTheResources() {
        Followed followed;
        followed.put("a", followed.url("v1"));
        followed.put("b", followed.url("v1"));
        followed.api.put(Resource, "other", "c", R"({"spec":{"url":"oci://ghcr.io/o/c:v1"}})");
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1") && followed.has("b", "v1"));
        CPPUNIT_ASSERT_EQUAL(Namespace + "/a", followed.catalog.find("a")->origin);
        followed.put("a", followed.url("v2"));
        followed.put("d", R"({"url":"https://host/m.wasm","imagePullSecret":"regcred","priority":-5,)"
                          R"("config":{"rules":[{"n":1.5,"s":"\"x\"","z":null}]},"allowedIn":["t/x"]})");
        followed.api.remove(Resource, Namespace, "b");
        CPPUNIT_ASSERT(followed.has("a", "v2") && followed.has("b", "") && followed.has("d", "current"));
        const auto d = followed.catalog.find("d");
        CPPUNIT_ASSERT_EQUAL(std::string("regcred"), d->imagePullSecret);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"rules":[{"n":1.5,"s":"\"x\"","z":null}]})"), d->config);
        CPPUNIT_ASSERT_EQUAL(std::int64_t(-5), d->priority);
        const std::lock_guard<std::mutex> lock(followed.mutex);
        CPPUNIT_ASSERT(followed.changes == std::vector<std::string>({"a", "b", "a", "d"}));
    }

    void aBadDocumentIsListedAndToldInItsStatus() {
        Followed followed;
        followed.put("good", followed.url("v1"));
        followed.put("bad", R"({"url":"file:///m.wasm","sha265":"x"})");
        followed.put("none", "null");
        followed.start();
        CPPUNIT_ASSERT(followed.has("good", "v1"));
        CPPUNIT_ASSERT(eventually([&] { return followed.status("bad").find("lastError") != std::string::npos; }));
        for (const char* part : {"{\"lastError\":\"spec.sha265: ", "; spec.url: file:// is read by each proxy"})
            CPPUNIT_ASSERT_MESSAGE(followed.status("bad"),
                                   (followed.status("bad") + followed.problem("bad")).find(part) != std::string::npos);
        CPPUNIT_ASSERT(eventually([&] { return !followed.status("none").empty(); }));
        CPPUNIT_ASSERT_EQUAL(Namespace + "/none spec", followed.problem("none"));
        CPPUNIT_ASSERT(!followed.catalog.find("bad"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), followed.log.count("extension refused extension=" + Namespace + "/bad"));
        CPPUNIT_ASSERT_EQUAL(std::string(), followed.status("good"));
        // Once it is good, its status is what its pull says.
        followed.put("bad", followed.url("v3"));
        CPPUNIT_ASSERT(followed.has("bad", "v3"));
        followed.catalog.record("bad", pulled('1', '2'));
        CPPUNIT_ASSERT_MESSAGE(followed.status("bad"), followed.hasStatus("bad", statusText('1', '2', "bad")));
    }

    void writesWhatBecameOfThem() {
        Followed followed;
        followed.put("a", followed.url("v1"));
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT_MESSAGE(followed.status("a"), followed.hasStatus("a", statusText('1', '2', "a")));
        // A later failure keeps what was served.
        followed.catalog.record("a", {std::nullopt, std::nullopt, "registry \"away\"", {}});
        auto expected = statusText('1', '2', "a");
        expected.insert(1, R"("lastError":"registry \"away\"",)");
        CPPUNIT_ASSERT_MESSAGE(followed.status("a"), followed.hasStatus("a", expected));
        followed.catalog.record("a", pulled('3', '4'));
        CPPUNIT_ASSERT_MESSAGE(followed.status("a"), followed.hasStatus("a", statusText('3', '4', "a")));
        const auto object = followed.api.json(Resource, Namespace, "a"); // the rest is as it was
        CPPUNIT_ASSERT_MESSAGE(object, object.find(R"("spec":)" + followed.url("v1")) != std::string::npos);
        CPPUNIT_ASSERT(followed.has("a", "v1"));
    }

    void withoutAPublicUrlNoneIsTold() {
        Followed followed("");
        followed.put("a", followed.url("v1"));
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        followed.catalog.record("a", pulled('1', '2'));
        const auto expected = statusText('1', '2', "a");
        CPPUNIT_ASSERT(followed.hasStatus("a", expected.substr(0, expected.find(",\"url\"")) + "}"));
    }

    void writesNothingTwice() {
        Followed followed;
        followed.put("a", followed.url("v1"));
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        for (int i = 0; i < 3; ++i)
            followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        followed.put("bad", R"({"url":5})");
        CPPUNIT_ASSERT(eventually([&] { return !followed.status("bad").empty(); }));
        followed.put("b", followed.url("v9")); // all documents are looked at again
        CPPUNIT_ASSERT(followed.has("b", "v9"));
        followed.api.forgetHistory();
        CPPUNIT_ASSERT(eventually([&] { return followed.api.requests("list") > 1; }));
        followed.catalog.record("a", pulled('1', '2'));
        followed.settled();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), followed.updates());
    }

    void anotherReplicasStatusIsNotWrittenAgain() {
        Followed followed;
        followed.api.put(Resource, Namespace, "a",
                         R"({"spec":)" + followed.url("v1") + R"(,"status":)" + statusText('1', '2', "a") + "}");
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT(eventually([&] { return followed.api.requests("get") == 1; }));
        followed.settled();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), followed.updates());
    }

    void oneMadeAnewGetsItsStatus() {
        Followed followed;
        followed.put("a", followed.url("v1"), "first");
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        // Seen:
        followed.api.remove(Resource, Namespace, "a");
        CPPUNIT_ASSERT(followed.has("a", ""));
        followed.put("a", followed.url("v1"), "second");
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        CPPUNIT_ASSERT_EQUAL(std::string(), followed.status("a"));
        followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        // While nobody looked:
        followed.api.goAway();
        followed.api.remove(Resource, Namespace, "a");
        followed.put("a", followed.url("v1"), "third");
        followed.api.forgetHistory();
        CPPUNIT_ASSERT_EQUAL(std::string(), followed.status("a"));
        followed.api.comeBack();
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
    }

    void theLeastRoleIsEnough() {
        Followed followed;
        followed.leastRole(true);
        followed.put("a", followed.url("v1"));
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        followed.put("a", followed.url("v2"));
        CPPUNIT_ASSERT(followed.has("a", "v2"));
        CPPUNIT_ASSERT(followed.cluster.services.lines().empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), followed.log.count(""));
    }

    void aForbiddenStatusIsToldOnceWithTheRule() {
        Followed followed;
        followed.leastRole(false);
        followed.put("a", followed.url("v1"));
        followed.put("b", followed.url("v1"));
        followed.start();
        CPPUNIT_ASSERT(followed.has("b", "v1"));
        followed.catalog.record("a", pulled('1', '2'));
        followed.catalog.record("b", pulled('3', '4'));
        CPPUNIT_ASSERT(eventually([&] { return followed.updates() >= 6; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), followed.log.count("could not be written"));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(followed.log.text(), std::size_t(1),
                                     followed.log.count("{apiGroups: [\\\"extension.wasmproxy.io\\\"], resources: "
                                                        "[wasmextensions/status], verbs: [update]}"));
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        followed.leastRole(true);
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        CPPUNIT_ASSERT(followed.hasStatus("b", statusText('3', '4', "b")));
    }

    void aConflictIsRetried() {
        Followed followed;
        followed.put("a", followed.url("v1"));
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        KubeApi::Faults faults;
        faults.conflicts = 3;
        followed.api.setFaults(faults);
        followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), followed.updates());
        CPPUNIT_ASSERT_EQUAL(4, followed.api.requests("get")); // what changed meanwhile is not written over
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), followed.log.count(""));
    }

    void lastingConflictsOfOneDoNotHoldUpOthers() {
        Followed followed;
        followed.put("a", followed.url("v1"));
        followed.put("b", followed.url("v1"));
        followed.start();
        CPPUNIT_ASSERT(followed.has("b", "v1"));
        KubeApi::Faults faults;
        faults.conflicts = 6; // as many as one try has
        followed.api.setFaults(faults);
        followed.catalog.record("a", pulled('1', '2'));
        followed.catalog.record("b", pulled('3', '4'));
        CPPUNIT_ASSERT(followed.hasStatus("b", statusText('3', '4', "b")));
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        CPPUNIT_ASSERT(followed.log.count("could not be written") <= 1);
    }

    void anOutageChangesNothing() {
        Followed followed;
        followed.put("a", followed.url("v1"));
        followed.put("bad", R"({"url":5})");
        followed.start();
        CPPUNIT_ASSERT(followed.has("a", "v1"));
        CPPUNIT_ASSERT(eventually([&] { return !followed.status("bad").empty(); }));
        followed.api.goAway();
        followed.catalog.record("a", pulled('1', '2'));
        CPPUNIT_ASSERT(eventually([&] { return followed.log.count("could not be written") == 1; }));
        followed.settled();
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), followed.tag("a"));
        CPPUNIT_ASSERT_EQUAL(Namespace + "/bad spec.url", followed.problem("bad"));
        followed.put("a", followed.url("v2"));
        followed.api.comeBack();
        CPPUNIT_ASSERT(followed.has("a", "v2"));
        CPPUNIT_ASSERT(followed.hasStatus("a", statusText('1', '2', "a")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), followed.log.count("could not be written"));
    }

    void aMissingDefinitionIsToldOnce() {
        Followed followed;
        KubeApi::Faults faults;
        faults.status = 404;
        followed.api.setFaults(faults);
        followed.start();
        CPPUNIT_ASSERT(eventually([&] { return followed.api.requests("list") >= 3; }));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(followed.log.text(), std::size_t(1),
                                     followed.log.count("apply packaging/kubernetes/wasmextensions.yaml"));
        followed.put("a", followed.url("v1"));
        followed.api.setFaults({});
        CPPUNIT_ASSERT(followed.has("a", "v1"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExtensionClusterTest);
