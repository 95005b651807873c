// SPDX-License-Identifier: Apache-2.0
// Libraries dropped into the plugin directory of a running proxy: a good one is there at once, bad ones say why they
// are not, and who fetches modules meanwhile notices nothing.
#include "PluginFolder.h"
#include "QuietMachine.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

namespace {

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double share(std::vector<double> values, std::size_t percent) {
    std::sort(values.begin(), values.end());
    return values.at(values.size() * percent / 100);
}

/// The third party's plugin, which the test sdk_example builds.
std::string example() {
    const std::string library = BUILD_ROOT "/tests/sdk/example/work/build/directory.so";
    CPPUNIT_ASSERT_MESSAGE(library + " is not there: run the test sdk_example, which builds it",
                           std::filesystem::exists(library));
    return library;
}

} // namespace

class DropInScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DropInScenarios);
    CPPUNIT_TEST(aGoodPluginIsOfferedAndUsed);
    CPPUNIT_TEST(aNewVersionReplacesTheOld);
    CPPUNIT_TEST(twelveBadOnesDisturbNobody);
    CPPUNIT_TEST(rescanIsForOperators);
    CPPUNIT_TEST_SUITE_END();

    static Proxy::Options optionsFor(const PrivateRegistry& upstream, const PluginFolder& plugins) {
        Proxy::Options options{upstream.registry.host()};
        options.pluginDirectory = plugins.path();
        return options;
    }
    /// How long until `holds()`; fails after a minute.
    template <class Condition>
    static double until(const Proxy& proxy, Condition holds) {
        const auto start = Clock::now();
        while (!holds()) {
            CPPUNIT_ASSERT_MESSAGE(proxy.admin("/api/v1/plugins").body + proxy.log(), since(start) < 60);
            std::this_thread::sleep_for(milliseconds(10));
        }
        return since(start);
    }
    static double untilState(const Proxy& proxy, const std::string& file, const std::string& state) {
        return until(proxy, [&] {
            const auto listed = listedBy(proxy);
            const auto found = listed.find(file);
            return found != listed.end() && found->second.state == state;
        });
    }
    static void append(const Proxy& proxy, const std::string& text) {
        std::ofstream(proxy.configuration(), std::ios::app) << text;
    }

    void aGoodPluginIsOfferedAndUsed() {
        const auto library = example();
        PrivateRegistry upstream;
        const auto module = uniqueModule("drop");
        upstream.put("team/drop:v1", istioArtifact(module));
        const auto reference = upstream.registry.host() + "/team/drop:v1";
        PluginFolder plugins;
        auto options = optionsFor(upstream, plugins);
        options.user = ""; // our own source has nothing
        options.pull = "hold = 1s";
        Proxy proxy(options);
        CPPUNIT_ASSERT(proxy.fetch(reference).status != 200);

        // The settings come first: they cannot be met, and say so.
        TemporaryFolder volume;
        volume.write(upstream.registry.host() + "/username", "robot\n");
        volume.write(upstream.registry.host() + "/password", "right\n");
        append(proxy, "[credential.vol]\nplugin = directory\ndirectory = " + volume.path() + "\n");
        proxy.child().signal(SIGHUP);
        until(proxy, [&] { return proxy.log().find("configuration refused") != std::string::npos; });

        const auto dropped = Clock::now();
        plugins.install(library, "directory.so");
        untilState(proxy, "directory.so", "loaded");
        const auto offered = since(dropped);
        until(proxy, [&] { return listedBy(proxy).at("directory.so").usedBy.count("credential.vol") == 1; });
        const auto used = since(dropped);
        std::cout << "a plugin dropped in is offered after " << offered << " s and used after " << used << " s\n";
        CPPUNIT_ASSERT(offered < (quietMachine() ? 2 : 10));
        CPPUNIT_ASSERT(used < (quietMachine() ? 2 : 10));
        until(proxy, [&] { return proxy.fetch(reference).status == 200; });
        CPPUNIT_ASSERT(proxy.fetch(reference).body == module);
        contains("plugin loaded file=directory.so plugin=directory", proxy.log());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 0, proxy.terminate());
    }

    void aNewVersionReplacesTheOld() {
        PrivateRegistry upstream;
        PluginFolder plugins;
        auto options = optionsFor(upstream, plugins);
        options.more = "[credential.x]\nplugin = one\n";
        plugins.install(fixture("one"), "one.so");
        Proxy proxy(options);
        const auto first = listedBy(proxy).at("one.so");
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), first.version);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), first.usedBy.count("credential.x"));
        // A bad replacement changes nothing but what is said.
        plugins.install(fixture("bad_other_signature"), "one.so");
        untilState(proxy, "one.so", "outdated");
        const auto both = listedBy(proxy).at("one.so");
        contains("one 1.2.3 stays in use", both.reason);
        contains("plugin [cxxabi=1002", both.reason);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), both.usedBy.count("credential.x"));
        plugins.install(fixture("newer"), "one.so");
        until(proxy, [&] {
            return listedBy(proxy).at("one.so").usedBy.count("credential.x") == 1 &&
                   listedBy(proxy).at("one.so").version == "2.0.0";
        });
        CPPUNIT_ASSERT_EQUAL(0, ::unlink((plugins / "one.so").c_str()));
        untilState(proxy, "one.so", "removed");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), listedBy(proxy).at("one.so").usedBy.count("credential.x"));
        for (const std::string line : {"plugin outdated file=one.so", "plugin removed file=one.so"})
            until(proxy, [&] { return proxy.log().find(line) != std::string::npos; });
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 0, proxy.terminate());
    }

    /// Twelve ways to be bad, and what is said of each.
    static const std::map<std::string, std::string>& bad() {
        static const std::map<std::string, std::string> all{
            {"signature.so", "host [cxxabi="},
            {"revision.so", "plugin revision 2, this host speaks 1"},
            {"note.so", "is not a wasm-proxy plugin"},
            {"text.so", "is not an ELF file"},
            {"half.so", "is truncated"},
            {"throws.so", "crashed while it was opened"},
            {"aborts.so", "crashed while it was opened"},
            {"exits.so", "did not pass the check"},
            {"hangs.so", "did not open within 5000 ms"},
            {"symbol.so", "nobodyDefinesThis"},
            {"writable.so", "is writable by its group or by others"},
            {"twice.so", "offers credential-source bad twice"},
        };
        return all;
    }
    static void dropIn(const PluginFolder& plugins, const std::string& file) {
        static const std::map<std::string, std::string> fixtures{
            {"signature.so", "bad_other_signature"},
            {"revision.so", "bad_other_revision"},
            {"note.so", "bad_no_note"},
            {"throws.so", "bad_constructor_throws"},
            {"aborts.so", "bad_constructor_aborts"},
            {"exits.so", "bad_constructor_exits"},
            {"hangs.so", "bad_constructor_hangs"},
            {"symbol.so", "bad_undefined_symbol"},
            {"twice.so", "bad_twice"},
        };
        const auto one = readFile(fixture("one"));
        if (file == "text.so") return plugins.put("INPUT(libc.so.6)\n", file);
        if (file == "half.so") return plugins.put(one.substr(0, one.size() / 2), file);
        if (file == "writable.so") return plugins.put(one, file, 0666);
        plugins.install(fixture(fixtures.at(file)), file);
    }

    static constexpr int Requests = 600; ///< per round, one of twelve a miss
    static constexpr int Tries = 3;      ///< what bad libraries cost, they cost each time

    void twelveBadOnesDisturbNobody() {
        const PrivateRegistry upstream;
        const PluginFolder plugins;
        const Proxy proxy(optionsFor(upstream, plugins));
        const bool wasQuiet = quietMachine();
        // Without and with bad libraries in turn, so that the machine's moods even out.
        const int rounds = wasQuiet ? 6 : 2;
        const double allowed = wasQuiet ? 1.1 : 2;
        double ratio = 0;
        for (int series = 0; series < Tries && (series == 0 || ratio >= allowed); ++series)
            ratio = measure(upstream, plugins, proxy, series, rounds);
        if (!wasQuiet)
            sayLeftOut("DropInScenarios", "that 12 bad libraries cost others no more than a tenth (twofold was)");
        CPPUNIT_ASSERT_MESSAGE(std::to_string(ratio), ratio < allowed);
        for (const auto& plugin : Proxy::ownPlugins())
            CPPUNIT_ASSERT_EQUAL(std::string("loaded"), listedBy(proxy).at(plugin + ".so").state);
    }

    /// How much slower p50 or p99 is, whichever suffers more.
    static double measure(const PrivateRegistry& upstream, const PluginFolder& plugins, const Proxy& proxy, int series,
                          int rounds) {
        const auto name = [&](int i) { return "team/m" + std::to_string(series) + "-" + std::to_string(i) + ":v1"; };
        for (int i = 0; i <= rounds * Requests; i += 12)
            upstream.put(name(i), istioArtifact(uniqueModule(name(i), 20000)));
        const auto warm = upstream.registry.host() + "/" + name(rounds * Requests);
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(warm).status);
        std::vector<double> alone;
        std::vector<double> beside;
        for (int round = 0; round < rounds; ++round) {
            const bool withBad = round % 2 == 1;
            if (withBad)
                for (const auto& [file, reason] : bad())
                    dropIn(plugins, file);
            for (int i = round * Requests; i < (round + 1) * Requests; ++i) {
                const auto due = Clock::now() + milliseconds(10);
                const auto answer = proxy.fetch(i % 12 == 0 ? upstream.registry.host() + "/" + name(i) : warm);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, answer.status);
                (withBad ? beside : alone).push_back(answer.seconds * 1000);
                std::this_thread::sleep_until(due);
            }
            if (withBad) expectRefused(plugins, proxy);
        }
        const double median = share(beside, 50) / share(alone, 50), last = share(beside, 99) / share(alone, 99);
        std::cout << "p50 and p99 of " << alone.size() << " hits and misses: " << share(alone, 50) << " and "
                  << share(alone, 99) << " ms, while 12 bad libraries come " << share(beside, 50) << " and "
                  << share(beside, 99) << " ms: x " << median << " and x " << last << "\n";
        return std::max(median, last);
    }

    static void expectRefused(const PluginFolder& plugins, const Proxy& proxy) {
        untilState(proxy, "hangs.so", "refused");
        const auto listed = listedBy(proxy);
        CPPUNIT_ASSERT_EQUAL(bad().size() + Proxy::ownPlugins().size(), listed.size());
        const auto log = proxy.log();
        for (const auto& [file, reason] : bad()) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(file, std::string("refused"), listed.at(file).state);
            contains(reason, listed.at(file).reason);
            contains("plugin refused file=" + file, log);
            CPPUNIT_ASSERT_EQUAL(0, ::unlink((plugins / file).c_str()));
        }
        until(proxy, [&] { return listedBy(proxy).size() == Proxy::ownPlugins().size(); });
    }

    void rescanIsForOperators() {
        PrivateRegistry upstream;
        PluginFolder plugins;
        Proxy proxy(optionsFor(upstream, plugins));
        const HttpClient admin(proxy.adminPort());
        const std::string path = "/api/v1/plugins/rescan";
        CPPUNIT_ASSERT_EQUAL(405, admin.get(path).status);
        plugins.install(fixture("two"), "two.so");
        const auto answer = admin.send("POST", path);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 200, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), listedIn(answer).at("two.so").state);
        // No request names a file: what else is said is refused or means nothing.
        CPPUNIT_ASSERT(
            admin.send("POST", path, {{"Content-Type", "application/json"}}, seconds(10), R"({"file":"/tmp/x.so"})")
                .status >= 400);
        // One that hangs is not waited for.
        plugins.install(fixture("bad_constructor_hangs"), "h.so");
        const auto start = Clock::now();
        const auto early = admin.send("POST", path);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(early.body, 202, early.status);
        CPPUNIT_ASSERT_EQUAL(std::string("checking"), listedIn(early).at("h.so").state);
        CPPUNIT_ASSERT(since(start) < 5);
        // What was refused for something else than its bytes is checked again on request.
        untilState(proxy, "h.so", "refused");
        CPPUNIT_ASSERT_EQUAL(202, admin.send("POST", path).status);
        const auto stopping = Clock::now();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 0, proxy.terminate());
        CPPUNIT_ASSERT(since(stopping) < 4); // not as long as the check may take
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DropInScenarios);
