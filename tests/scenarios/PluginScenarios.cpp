// SPDX-License-Identifier: Apache-2.0
// The plugin directory as an operator has it: libraries that change under a running proxy, broken ones beside good
// ones, one of a third party, and a directory that is not safe.
#include "ColdLoad.h"
#include "PluginFolder.h"

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>

using namespace wasmproxy::test;
using std::chrono::seconds;

namespace {

constexpr const char* Program = BUILD_ROOT "/bin/wasm-proxy";

struct Checked {
    int code;
    std::string output;
};

Checked wasmProxy(const std::string& argument) {
    const TemporaryFolder folder;
    Child::Options options;
    options.outputFile = folder / "output";
    Child child(Program, {argument}, options);
    const auto code = child.wait(seconds(30));
    CPPUNIT_ASSERT_MESSAGE(argument + " does not end", code.has_value());
    return {*code, readFile(options.outputFile)};
}

} // namespace

class PluginScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginScenarios);
    CPPUNIT_TEST(librariesChangeUnderLoad);
    CPPUNIT_TEST(brokenLibrariesStopNoOther);
    CPPUNIT_TEST(aThirdPartysPlugin);
    CPPUNIT_TEST(aPluginsNameIsAnInstance);
    CPPUNIT_TEST(whatAPluginMustHaveIsNamed);
    CPPUNIT_TEST(checkPlugin);
    CPPUNIT_TEST(aDirectoryThatOthersMayWrite);
    CPPUNIT_TEST_SUITE_END();

    static Proxy::Options optionsFor(const PrivateRegistry& upstream, const PluginFolder& plugins) {
        Proxy::Options options{upstream.registry.host()};
        options.pluginDirectory = plugins.path();
        return options;
    }

    /// A module that is new to everybody goes through all three plugins.
    static void pullsCold(PrivateRegistry& upstream, const Proxy& proxy, const std::string& tag) {
        const auto module = uniqueModule(tag);
        upstream.put("team/cold:" + tag, istioArtifact(module));
        const auto answer = proxy.fetch(upstream.registry.host() + "/team/cold:" + tag);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy.log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
        CPPUNIT_ASSERT_EQUAL(std::string("MISS"), answer.header("X-Cache"));
    }

    void librariesChangeUnderLoad() {
        PrivateRegistry upstream;
        PluginFolder plugins;
        Proxy proxy(optionsFor(upstream, plugins));
        ColdLoad load(upstream, proxy);
        const auto goesOn = [&](const std::string& what) {
            const bool good = load.serves(8);
            if (!good) load.stop();
            CPPUNIT_ASSERT_MESSAGE(what + ": " + load.failures() + proxy.log(), good);
        };
        goesOn("at first");
        for (const auto& plugin : Proxy::ownPlugins()) {
            const auto path = plugins / (plugin + ".so");
            {
                // The very file that was there at the start, in place.
                std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
                file << std::string(std::filesystem::file_size(path), '\xcc');
                CPPUNIT_ASSERT(file.good());
            }
            goesOn(plugin + " overwritten");
            CPPUNIT_ASSERT_EQUAL(0, ::truncate(path.c_str(), 0));
            goesOn(plugin + " truncated");
            plugins.install(fixture("one"), plugin + ".so");
            goesOn(plugin + " replaced by another plugin");
            CPPUNIT_ASSERT_EQUAL(0, ::unlink(path.c_str()));
            goesOn(plugin + " deleted");
        }
        load.stop();
        CPPUNIT_ASSERT_EQUAL(std::string(), load.failures());
        std::cout << load.served() << " modules came cold and warm while the libraries changed\n";

        CPPUNIT_ASSERT(std::filesystem::is_empty(plugins.path()));
        proxy.setDockerConfig(dockerConfig(upstream.registry.host(), "robot", "right"));
        pullsCold(upstream, proxy, "later");
        // All are gone from the directory, and in use.
        CPPUNIT_ASSERT_EQUAL(200, HttpClient(proxy.adminPort()).send("POST", "/api/v1/plugins/rescan").status);
        const auto listed = proxy.admin("/api/v1/plugins");
        for (const auto& plugin : Proxy::ownPlugins())
            contains("\"id\":\"" + plugin + "\"", listed.body);
        CPPUNIT_ASSERT_MESSAGE(listed.body, listed.body.find("\"loaded\"") == std::string::npos);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 0, proxy.terminate());
    }

    void brokenLibrariesStopNoOther() {
        const auto signature = [] {
            const auto text = run(Program, {"--version"});
            const auto at = text.find("cxxabi=");
            return text.substr(at, text.find('\n', at) - at);
        }();
        const std::map<std::string, std::vector<std::string>> broken = {
            {"bad_other_signature",
             {"plugin [cxxabi=1002 string=0 debug=0 sanitizer=none poco=0x01090000]", "host [" + signature + "]"}},
            {"bad_other_revision", {"plugin revision 2, this host speaks 1"}},
            {"bad_no_note", {"is not a wasm-proxy plugin"}},
            {"bad_constructor_throws", {"crashed while it was opened"}},
            {"bad_constructor_aborts", {"crashed while it was opened"}},
            {"bad_constructor_hangs", {"did not open within 5000 ms", "waiting for the end of the world"}},
            {"half", {"is truncated"}},
            {"text", {"is not an ELF file"}},
        };
        PrivateRegistry upstream;
        PluginFolder plugins;
        for (const auto& [name, words] : broken)
            if (name.rfind("bad_", 0) == 0) plugins.install(fixture(name), name + ".so");
        const auto whole = readFile(pluginOfBuild("oci"));
        plugins.put(whole.substr(0, whole.size() / 2), "half.so");
        plugins.put("INPUT(libc.so.6)\n", "text.so");

        const auto before = std::chrono::steady_clock::now();
        Proxy proxy(optionsFor(upstream, plugins));
        const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
        std::cout << "ready after " << took << " s, 5 of them for the library that hangs\n";
        CPPUNIT_ASSERT_MESSAGE(std::to_string(took), took >= 5 && took < 15);

        const auto listed = listedBy(proxy);
        CPPUNIT_ASSERT_EQUAL(broken.size() + Proxy::ownPlugins().size(), listed.size());
        const auto log = proxy.log();
        for (const auto& [name, words] : broken) {
            const auto file = name + ".so";
            CPPUNIT_ASSERT_MESSAGE(file, listed.count(file) == 1);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(file, std::string("refused"), listed.at(file).state);
            std::istringstream lines(log);
            std::string line;
            while (std::getline(lines, line) && (line.find("plugin refused") == std::string::npos ||
                                                 line.find("file=" + file) == std::string::npos)) {
            }
            for (const auto& word : words) {
                contains(word, listed.at(file).reason);
                contains(word, line);
            }
        }
        for (const auto& plugin : Proxy::ownPlugins()) {
            const auto good = listed.at(plugin + ".so");
            CPPUNIT_ASSERT_EQUAL(plugin, good.id);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(good.reason, std::string("loaded"), good.state);
        }
        pullsCold(upstream, proxy, "v1");
    }

    void aThirdPartysPlugin() {
        const std::string library = BUILD_ROOT "/tests/sdk/example/work/build/directory.so";
        CPPUNIT_ASSERT_MESSAGE(library + " is not there: run the test sdk_example, which builds it",
                               std::filesystem::exists(library));
        PrivateRegistry upstream;
        PluginFolder plugins;
        plugins.install(library, "directory.so");
        TemporaryFolder volume;
        const auto secret = volume / upstream.registry.host();
        volume.write(upstream.registry.host() + "/username", "robot\n");
        volume.write(upstream.registry.host() + "/password", "right\n");
        auto options = optionsFor(upstream, plugins);
        options.user = ""; // our own source has nothing
        options.more = "[credential.vol]\nplugin = directory\ndirectory = " + volume.path() + "\n";
        Proxy proxy(options);
        const auto listed = listedBy(proxy).at("directory.so");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(listed.reason, std::string("loaded"), listed.state);
        pullsCold(upstream, proxy, "v1");
        contains(secret, proxy.admin("/api/v1/plugins").body + proxy.log()); // the credential's name
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 0, proxy.terminate());

        // What it says is what counts.
        volume.write(upstream.registry.host() + "/password", "wrong\n");
        options.pull = "hold = 1s";
        Proxy refused(options);
        upstream.put("team/cold:v2", istioArtifact(uniqueModule("v2")));
        CPPUNIT_ASSERT_EQUAL(502, refused.fetch(upstream.registry.host() + "/team/cold:v2").status);
    }

    /// Without a section of its own, of each kind; it is no source of routes that do not name it.
    void aPluginsNameIsAnInstance() {
        PrivateRegistry upstream;
        PluginFolder plugins;
        plugins.install(pluginOfBuild("memory"), "memory.so");
        plugins.install(fixture("one"), "one.so");
        auto options = optionsFor(upstream, plugins);
        options.pull = "caches = memory, main";
        options.route = "credentials = team, one";
        options.more = "[route.other]\nmatch = other.example.com/**\nbackend = oci\n";
        const Proxy proxy(options);
        pullsCold(upstream, proxy, "unwritten");
        const std::string kinds[][2] = {
            {"one.so", "credential.one"}, {"memory.so", "cache.memory"}, {"oci.so", "backend.oci"}};
        for (const auto& [file, instance] : kinds)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.admin("/api/v1/plugins").body, std::size_t(1),
                                         listedBy(proxy).at(file).usedBy.count(instance));
        contains(R"("credentials":["team","one"])", proxy.admin("/api/v1/routes").body);
        contains(R"("credentials":["team"])", proxy.admin("/api/v1/routes").body);
        contains(R"("name":"memory","kind":"faster")", proxy.admin("/api/v1/cache").body);
    }

    void whatAPluginMustHaveIsNamed() {
        const TemporaryFolder folder;
        const auto file = folder.write("wasm-proxy.ini", "[pull]\ncaches = memory, disk\ncredentials = vault, nobody\n"
                                                         "[route.x]\nmatch = registry.example.com/**\n");
        const TemporaryFolder output;
        Child::Options options;
        options.outputFile = output / "output";
        Child child(Program, {"--config=" + file, "--check-config"}, options);
        CPPUNIT_ASSERT_EQUAL(78, child.wait(seconds(30)).value_or(-1));
        const auto said = readFile(options.outputFile);
        for (const char* part :
             {"wasm-proxy.ini:2: cache.disk.directory: ", "wasm-proxy.ini:3: credential.vault.address: ",
              "wasm-proxy.ini:3: pull.credentials: there is neither a [credential.nobody] nor a plugin of that name"})
            contains(part, said);
        CPPUNIT_ASSERT_MESSAGE(said, said.find("memory") == std::string::npos);
    }

    void checkPlugin() {
        PluginFolder plugins;
        for (const auto& [plugin, component] : {std::pair("oci", "registry-backend oci"),
                                                {"file", "credential-source file"},
                                                {"disk", "cache-store disk"}}) {
            const auto good = wasmProxy("--check-plugin=" + pluginOfBuild(plugin));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(good.output, 0, good.code);
            CPPUNIT_ASSERT_EQUAL(0, int(good.output.rfind(plugin + std::string(" "), 0)));
            contains(std::string("\n") + component + "\n", good.output);
        }
        const auto foreign = wasmProxy("--check-plugin=" + fixture("bad_other_signature"));
        CPPUNIT_ASSERT_EQUAL(1, foreign.code);
        for (const char* word : {"bad_other_signature.so", "plugin [cxxabi=1002", "host [cxxabi="})
            contains(word, foreign.output);
        plugins.put(readFile(pluginOfBuild("oci")).substr(0, 100000), "cut.so");
        const auto cut = wasmProxy("--check-plugin=" + (plugins / "cut.so"));
        CPPUNIT_ASSERT_EQUAL(1, cut.code);
        contains(plugins / "cut.so", cut.output);
        contains("is truncated", cut.output);
        const auto absent = wasmProxy("--check-plugin=/nowhere/x.so");
        CPPUNIT_ASSERT_EQUAL(1, absent.code);
        contains("/nowhere/x.so cannot be opened: No such file or directory", absent.output);
    }

    void aDirectoryThatOthersMayWrite() {
        PrivateRegistry upstream;
        PluginFolder plugins;
        Proxy proxy(optionsFor(upstream, plugins)); // to have its configuration
        CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());
        ::chmod(plugins.path().c_str(), 0777);
        const auto refused = wasmProxy("--config=" + proxy.configuration());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(refused.output, 78, refused.code);
        contains("plugins.directory: ", refused.output);
        contains(plugins.path() + " is writable by its group or by others", refused.output);
        contains("chmod go-w", refused.output);
        ::chmod(plugins.path().c_str(), 0755);
        proxy.start();
        pullsCold(upstream, proxy, "v1");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PluginScenarios);
