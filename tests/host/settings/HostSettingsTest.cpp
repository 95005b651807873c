// SPDX-License-Identifier: Apache-2.0
#include "Expectation.h"
#include "settings/Listener.h"
#include "settings/Nearest.h"

#include <filesystem>

namespace wasmproxy::host {

class HostSettingsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HostSettingsTest);
    CPPUNIT_TEST(defaultsAreRight);
    CPPUNIT_TEST(smallestUsefulFile);
    CPPUNIT_TEST(instancesKeepTheirOrderAndPluginKeys);
    CPPUNIT_TEST(wrongFiles);
    CPPUNIT_TEST(allProblemsAtOnce);
    CPPUNIT_TEST(largeFilesStayCheap);
    CPPUNIT_TEST(environmentIsNamedAsOrigin);
    CPPUNIT_TEST(pluginSettings);
    CPPUNIT_TEST(listeners);
    CPPUNIT_TEST(networks);
    CPPUNIT_TEST(nearestWord);
    CPPUNIT_TEST(everyFileOfConfigLoads);
    CPPUNIT_TEST(iniAndXmlAreTheSame);
    CPPUNIT_TEST_SUITE_END();

    using Problems = std::vector<SettingsProblem>;

    static Problems problemsOf(const std::string& text) {
        Problems problems;
        const SettingsDocument document = readIni(text, "f", problems);
        HostSettings settings;
        settings.apply(document, problems);
        return problems;
    }

    /// A plugin with one required and one optional key.
    struct ExamplePlugin : Settings {
        Setting<std::string> directory{this, "directory", "", "Where.", true};
        Setting<std::uint64_t> parallel{this, "parallel", 1, "How many."};
    };

public:
    void defaultsAreRight() {
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problemsOf("")));
        CPPUNIT_ASSERT_EQUAL(std::string(),
                             show(problemsOf("[plugins]\n[dataplane]\n[health]\n[admin]\n[index]\n[pull]\n"
                                             "[log]\n[extensions]\n[mesh]\n[cache.a]\n[credential.a]\n[backend.a]\n"
                                             "[route.a]\nmatch=a/**")));
    }

    void smallestUsefulFile() {
        Problems problems;
        HostSettings settings;
        settings.apply(readIni("[cache.main]\ndirectory=/var/lib/wasm-proxy/cache\n[credential.team]\n"
                               "docker-config=/etc/wasm-proxy/docker-config.json\n[route.private]\n"
                               "match = registry.example.com/**",
                               "f", problems),
                       problems);
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problems));
        CPPUNIT_ASSERT_EQUAL(std::string("disk"), settings.caches.at(0).common->plugin.get());
        CPPUNIT_ASSERT_EQUAL(std::string("directory"), settings.caches.at(0).pluginValues.at(0).key);
        CPPUNIT_ASSERT_EQUAL(std::string("cache.main."), settings.caches.at(0).prefix);
        CPPUNIT_ASSERT_EQUAL(std::string("f:1"), settings.caches.at(0).origin);
        CPPUNIT_ASSERT_EQUAL(std::string("file"), settings.credentials.at(0).common->plugin.get());
        CPPUNIT_ASSERT_EQUAL(std::string("registry.example.com/**"), settings.routes.at(0).common->match.get());
        CPPUNIT_ASSERT_EQUAL(std::string(), settings.routes.at(0).common->backend.get());
        CPPUNIT_ASSERT(settings.backends.empty());
    }

    void instancesKeepTheirOrderAndPluginKeys() {
        Problems problems;
        HostSettings settings;
        settings.apply(readIni("[cache.z]\n[route.a]\nmatch=a\n[cache.a]\nplugin=redis\naddress=x\ncapacity=1MiB\n"
                               "[backend.b]\nplain-http=true\nno-proxy=a, b\n",
                               "f", problems),
                       problems);
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problems));
        CPPUNIT_ASSERT_EQUAL(std::string("z"), settings.caches.at(0).name);
        CPPUNIT_ASSERT_EQUAL(std::string("a"), settings.caches.at(1).name);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1 << 20), settings.caches.at(1).common->capacity.get().value);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), settings.caches.at(1).pluginValues.size());
        CPPUNIT_ASSERT_EQUAL(std::string("plain-http"), settings.backends.at(0).pluginValues.at(0).key);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), settings.backends.at(0).common->noProxy.get().size());
    }

    void wrongFiles() {
        struct Row {
            std::string text;
            std::vector<Expectation> expected;
        };
        const std::vector<Row> table{
            {"[rotue.a]\nmatch=a", {{"f:1", "rotue.a", "did you mean 'route'?"}}},
            {"[caches.a]", {{"f:1", "caches.a", "did you mean 'cache'?"}}},
            {"[zebra]", {{"f:1", "zebra", "known are plugins"}}},
            {"[cache]", {{"f:1", "cache", "needs a name"}}},
            {"[pull.main]\nhold=1s", {{"f:1", "pull.main", "write [pull]"}}},
            {"[pull]\nhodl=1s", {{"f:2", "pull.hodl", "did you mean 'hold'?"}}},
            {"[pull]\ntimeout=1s", {{"f:2", "pull.timeout", "known are: hold"}}},
            {"[route.a]\nmatch=a\nplain_http=true", {{"f:3", "route.a.plain_http", "lower-case"}}},
            {"[route.a]\nmatch=a\nplainhttp=true", {{"f:3", "route.a.plainhttp", "did you mean 'plain-http'?"}}},
            {"[pull]\nhold=12", {{"f:2", "pull.hold", "12s"}}},
            {"[pull]\nworkers=-1", {{"f:2", "pull.workers", "count"}}},
            {"[pull]\nworkers=0", {{"f:2", "pull.workers", "at least 1"}}},
            {"[pull]\nworkers=2\nworkers-per-registry=3",
             {{"f:3", "pull.workers-per-registry", "more than workers (2)"}}},
            {"[pull]\nhold=15s", {{"f:2", "pull.hold", "less than agent-timeout (15s)"}}},
            {"[pull]\n\nagent-timeout=12s", {{"f:3", "pull.hold", "less than agent-timeout (12s)"}}},
            {"[pull]\nmax-module=0B", {{"f:2", "pull.max-module", "more than 0B"}}},
            {"[pull]\nrequire-proxy-wasm=maybe", {{"f:2", "pull.require-proxy-wasm", "yes, warn, no"}}},
            {"[mesh]\nenable-wasm-download-proxy=maybe", {{"f:2", "mesh.enable-wasm-download-proxy", "true"}}},
            {"[extensions]\ndirektory=/x", {{"f:2", "extensions.direktory", "did you mean 'directory'?"}}},
            {"[log]\nlevel=info", {{"f:2", "log.level", "error, warning, information, debug"}}},
            {"[log]\nformat=xml", {{"f:2", "log.format", "text, json"}}},
            {"[route.a]\nanonymous=true", {{"f:1", "route.a.match", "required"}}},
            {"[route.a]", {{"f:1", "route.a.match", "required"}}},
            {"[route.a]\nmatch=", {{"f:2", "route.a.match", "empty"}}},
            {"[route.a]\nmatch=R.example.com/**\n[route.b]\nmatch=r.example.com/**",
             {{"f:4", "route.b.match", "route.a.match at f:2"}}},
            {"[cache.a]\ncapacity=0B", {{"f:2", "cache.a.capacity", "more than 0B"}}},
            {"[backend.a]\nclient-key=/k", {{"f:2", "backend.a.client-certificate", "together"}}},
            {"[backend.a]\nclient-certificate=/k", {{"f:2", "backend.a.client-key", "together"}}},
            {"[dataplane]\nlisten=:8080", {{"f:2", "dataplane.listen", "0.0.0.0:8080"}}},
            {"[health]\nlisten=localhost:80", {{"f:2", "health.listen", "literal address"}}},
            {"[dataplane]\nlisten=0.0.0.0:8080", {{"f:2", "dataplane.allow-from", "whoever may ask"}}},
            {"[dataplane]\nlisten=0.0.0.0:8080\nallow-from=10.0.0.0/33",
             {{"f:3", "dataplane.allow-from", "'10.0.0.0/33'"}}},
            {"[dataplane]\nallow-from=10.0.0.0/8, cluster.local, 10.1.2.3/8",
             {{"f:2", "dataplane.allow-from", "'cluster.local'"}, {"f:2", "dataplane.allow-from", "'10.1.2.3/8'"}}},
            {"[dataplane]\nconnections=0", {{"f:2", "dataplane.connections", "at least 1"}}},
            {"[admin]\nlisten=0.0.0.0:8081", {{"f:2", "admin.listen", "loopback"}}},
            {"[admin]\nlisten=[::]:8081", {{"f:2", "admin.listen", "loopback"}}},
            {"[admin]\noperate-token-file=secrets/token", {{"f:2", "admin.operate-token-file", "absolute"}}},
            {"[admin]\nclient-ca=ca.pem", {{"f:2", "admin.client-ca", "absolute"}}},
            {"[admin]\nhosts=*.example", {{"f:2", "admin.hosts", "no wildcards"}}},
            {"[admin]\norigins=console.example", {{"f:2", "admin.origins", "https://console.example"}}},
            {"[admin]\norigins=null", {{"f:2", "admin.origins", "is not an origin"}}},
            {"[admin]\norigins=https://a.example/x", {{"f:2", "admin.origins", "is not an origin"}}},
            {"[admin]\nlisten=127.0.0.1:8082", {{"f:2", "admin.listen", "as health.listen"}}},
            {"[health]\nlisten=127.0.0.1:8080", {{"f:2", "health.listen", "as dataplane.listen"}}},
        };
        for (const Row& row : table)
            expectProblems(row.text, problemsOf(row.text), row.expected);
        for (const char* good :
             {"[dataplane]\nlisten=0.0.0.0:8080\nallow-from=10.0.0.0/8", "[health]\nlisten=0.0.0.0:8082",
              "[admin]\nlisten=0.0.0.0:8081\noperate-token-file=/t\nplain-http=true",
              "[admin]\nlisten=0.0.0.0:8081\nclient-ca=/t\nhosts=a.example, localhost:9000\norigins=https://a:8443",
              "[admin]\nlisten=[::1]:8081", "[admin]\nlisten=127.0.0.1:0\n[health]\nlisten=127.0.0.1:0"})
            CPPUNIT_ASSERT_EQUAL(std::string(), show(problemsOf(good)));
    }

    void allProblemsAtOnce() {
        const std::string text = "[pull]\nhold = x\nnonsense\nhold = 1s\nworkrs = 2\n[routes.a]\n[log]\nlevel = loud\n"
                                 "[admin]\nlisten = 8.8.8.8:1\n[route.a]\n";
        expectProblems(text, problemsOf(text),
                       {{"f:3", "", "key = value"},
                        {"f:4", "pull.hold", "repeated"},
                        {"f:6", "routes.a", "'route'"},
                        {"f:5", "pull.workrs", "'workers'"},
                        {"f:2", "pull.hold", "duration"},
                        {"f:8", "log.level", "one of"},
                        {"f:11", "route.a.match", "required"},
                        {"f:10", "admin.listen", "loopback"}});
    }

    void largeFilesStayCheap() {
        std::string sections;
        for (int i = 0; sections.size() < 1000000; ++i)
            sections += "[cache.a" + std::to_string(i) + "]\n";
        Problems none;
        CPPUNIT_ASSERT(readIni(sections, "f", none).sections.size() > 50000); // looked up, not searched, for repeats
        CPPUNIT_ASSERT(none.empty());
        std::string keys = "[pull]\n";
        for (int i = 0; keys.size() < 1000000; ++i)
            keys += "a" + std::to_string(i) + "=\n";
        const Problems problems = problemsOf(keys);
        CPPUNIT_ASSERT_EQUAL(std::size_t(101), problems.size());
        CPPUNIT_ASSERT(problems.back().message.find("not shown") != std::string::npos);
    }

    void environmentIsNamedAsOrigin() {
        Problems problems;
        SettingsDocument document = readIni("[pull]\nhold = 1s\n", "f", problems);
        applyEnvironment(document,
                         {"WASM_PROXY__PULL__HOLD=1 second", "WASM_PROXY__ROUTE__MATCH=a", "WASM_PROXY__PUL__X=1"},
                         problems);
        HostSettings().apply(document, problems);
        expectProblems("environment", problems,
                       {{"environment WASM_PROXY__PUL__X", "pul", "'pull'"},
                        {"environment WASM_PROXY__ROUTE__MATCH", "route", "needs a name"},
                        {"environment WASM_PROXY__PULL__HOLD", "pull.hold", "duration"}});
    }

    void pluginSettings() {
        Problems problems;
        HostSettings settings;
        settings.apply(readIni("[cache.a]\nplugin=disk\ndirectry=/x\ncapcity=1\nparallel=x\n", "f", problems),
                       problems);
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problems));
        ExamplePlugin plugin;
        applyPluginSettings(plugin, settings.caches.at(0), problems);
        expectProblems("plugin", problems,
                       {{"f:3", "cache.a.directry", "'directory'"},
                        {"f:4", "cache.a.capcity", "'capacity'"},
                        {"f:5", "cache.a.parallel", "count"},
                        {"f:1", "cache.a.directory", "required"}});
    }

    void listeners() {
        const auto parse = [](const std::string& text) { return Listener::parse(text); };
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), parse("127.0.0.1:80")->address);
        CPPUNIT_ASSERT_EQUAL(std::uint16_t(65535), parse("[::1]:65535")->port);
        CPPUNIT_ASSERT_EQUAL(std::string("::1"), parse("[::1]:65535")->address);
        for (const char* loopback : {"127.0.0.1:0", "127.1.2.3:80", "[::1]:80", "[0:0::1]:80", "[::ffff:127.0.0.1]:80"})
            CPPUNIT_ASSERT_MESSAGE(loopback, parse(loopback) && parse(loopback)->loopback);
        for (const char* open : {"0.0.0.0:80", "10.0.0.1:80", "[::]:80", "[fe80::1]:80", "[::ffff:10.0.0.1]:80"})
            CPPUNIT_ASSERT_MESSAGE(open, parse(open) && !parse(open)->loopback);
        for (const char* wrong : {"",
                                  ":",
                                  ":80",
                                  "80",
                                  "127.0.0.1",
                                  "127.0.0.1:",
                                  "127.0.0.1:65536",
                                  "127.0.0.1:080",
                                  "127.0.0.1:-1",
                                  "127.0.0.1:+1",
                                  "127.0.0.1: 80",
                                  "127.0.0.1:80 ",
                                  "127.1:80",
                                  "0x7f.0.0.1:80",
                                  "localhost:80",
                                  "*:80",
                                  "::1:80",
                                  "[::1]",
                                  "[::1]80",
                                  "[]:80",
                                  "[:80",
                                  "]:80",
                                  "[127.0.0.1]:80",
                                  "[::1%lo]:80",
                                  "http://127.0.0.1:80"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !parse(wrong));
    }

    void networks() {
        for (const char* good :
             {"10.0.0.0/8", "0.0.0.0/0", "10.1.2.3", "10.1.2.3/32", "::/0", "::1/128", "fd00::/8", "fd00::1"})
            CPPUNIT_ASSERT_MESSAGE(good, isNetwork(good));
        for (const char* wrong :
             {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.1/8", "10.0.0/8",
              "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "::/129", "fd00::1/8", "[::1]/128", "a"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !isNetwork(wrong));
    }

    void nearestWord() {
        const std::vector<std::string> words{"hold", "workers", "workers-per-registry", "deadline"};
        CPPUNIT_ASSERT_EQUAL(std::string("hold"), nearest("hodl", words));
        CPPUNIT_ASSERT_EQUAL(std::string("workers"), nearest("worker", words));
        CPPUNIT_ASSERT_EQUAL(std::string("workers-per-registry"), nearest("worker-per-registries", words));
        CPPUNIT_ASSERT_EQUAL(std::string(), nearest("zzz", words));
        CPPUNIT_ASSERT_EQUAL(std::string(), nearest(std::string(1 << 20, 'h'), words));
    }

    void everyFileOfConfigLoads() {
        int files = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(SOURCE_ROOT "/config")) {
            const std::string ending = entry.path().extension();
            if (ending != ".ini" && ending != ".xml") continue;
            ++files;
            Problems problems;
            HostSettings settings;
            settings.apply(readSettings(entry.path(), problems), problems);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(entry.path(), std::string(), show(problems));
            const bool serves = !settings.routes.empty() || !settings.extensions.directory.get().empty() ||
                                settings.extensions.kubernetes;
            CPPUNIT_ASSERT_MESSAGE(entry.path(), serves && !settings.caches.empty());
        }
        CPPUNIT_ASSERT(files >= 5);
    }

    void iniAndXmlAreTheSame() {
        Problems problems;
        const std::string ini = show(readSettings(SOURCE_ROOT "/config/wasm-proxy.ini", problems));
        CPPUNIT_ASSERT_EQUAL(ini, show(readSettings(SOURCE_ROOT "/config/wasm-proxy.xml", problems)));
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problems));
        CPPUNIT_ASSERT(ini.find("[route.private]") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HostSettingsTest);

} // namespace wasmproxy::host
