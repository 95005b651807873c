// SPDX-License-Identifier: Apache-2.0
// Loads real libraries, built beside this test, as the host does.
#include "loading/PluginCatalog.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/PluginNoteReader.h"

#include <Poco/File.h>
#include <Poco/TemporaryFile.h>
#include <cppunit/extensions/HelperMacros.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace wasmproxy;
using wasmproxy::host::PluginCatalog;
using wasmproxy::host::PluginState;

namespace {

class NoServices : public HostServices {
public:
    HttpTransport& http() override { throw Error(ErrorCode::Internal, "no network here"); }
    std::chrono::system_clock::time_point now() const override { return {}; }
    void log(LogLevel, const std::string&) noexcept override {}
};

const char* CredentialSeam = CredentialSource::Seam;

} // namespace

class PluginCatalogTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginCatalogTest);
    CPPUNIT_TEST(loadsGoodPlugins);
    CPPUNIT_TEST(sameClassNamesStayApart);
    CPPUNIT_TEST(fileMayChangeAfterLoad);
    CPPUNIT_TEST(picksUpWhatIsNew);
    CPPUNIT_TEST(badPluginsStopNoOther);
    CPPUNIT_TEST(hangingConstructorIsKilled);
    CPPUNIT_TEST(refusesWhatIsNoPlugin);
    CPPUNIT_TEST(refusesDuplicates);
    CPPUNIT_TEST(refusesWritableByOthers);
    CPPUNIT_TEST(refusesForeignOwner);
    CPPUNIT_TEST(followsLinksToGoodPlacesOnly);
    CPPUNIT_TEST(refusesBadDirectories);
    CPPUNIT_TEST(refusesWithoutChecker);
    CPPUNIT_TEST(checksInThisProcess);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        _directory = Poco::TemporaryFile::tempName();
        CPPUNIT_ASSERT_EQUAL(0, ::mkdir(_directory.c_str(), 0755));
        ::chmod(_directory.c_str(), 0755);
    }
    void tearDown() override {
        ::chmod(_directory.c_str(), 0755);
        Poco::File(_directory).remove(true);
    }

    void loadsGoodPlugins() {
        install("one");
        install("two", ".hidden.so");
        install("two", "two.so.copying");
        PluginCatalog catalog(options());
        catalog.load();
        const auto states = catalog.plugins();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), states.size());
        CPPUNIT_ASSERT_EQUAL(std::string(), states[0].reason);
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), states[0].state);
        CPPUNIT_ASSERT_EQUAL(std::string("one.so"), states[0].file);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), states[0].id);
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), states[0].version);
        CPPUNIT_ASSERT_EQUAL(std::string("credential-source one"), states[0].components.at(0));
        const auto* factory = catalog.find(CredentialSeam, "one");
        CPPUNIT_ASSERT(factory != nullptr);
        CPPUNIT_ASSERT(catalog.factories(CredentialSeam) == std::vector<const ComponentFactory*>{factory});
        CPPUNIT_ASSERT(catalog.find(CredentialSeam, "two") == nullptr);
        CPPUNIT_ASSERT(catalog.find("wasmproxy.cache-store/1", "one") == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("suffix"), factory->settings()->describe().at(0).key);
        auto source = make(catalog, "one", "!");
        CPPUNIT_ASSERT_EQUAL(std::string("one!"), ask(*source));
    }

    void sameClassNamesStayApart() {
        install("one");
        install("two");
        PluginCatalog catalog(options());
        catalog.load();
        auto one = make(catalog, "one"), two = make(catalog, "two");
        CPPUNIT_ASSERT_EQUAL(std::string("one"), ask(*one));
        CPPUNIT_ASSERT_EQUAL(std::string("two"), ask(*two));
        CPPUNIT_ASSERT_EQUAL(std::string("counted by one"), credential(*one).name);
        CPPUNIT_ASSERT_EQUAL(std::string("counted by two"), credential(*two).name);
        for (auto* source : {one.get(), two.get()}) {
            try {
                Call call("t", Call::Clock::now() + std::chrono::seconds(5));
                source->find(call, {Repository("r.example", "a"), "broken"});
                CPPUNIT_FAIL("nothing thrown");
            } catch (const Error& e) { // an exception of a plugin arrives as what it is
                CPPUNIT_ASSERT(e.code() == ErrorCode::CredentialSourceFault);
                CPPUNIT_ASSERT_EQUAL(std::string(source == one.get() ? "one" : "two") + " is broken",
                                     std::string(e.what()));
                CPPUNIT_ASSERT_EQUAL(std::string("mend it"), e.hint());
            }
        }
    }

    void fileMayChangeAfterLoad() {
        for (const char* name : {"one", "two"})
            install(name);
        PluginCatalog catalog(options());
        catalog.load();
        const auto works = [&] {
            CPPUNIT_ASSERT_EQUAL(std::string("one"), ask(*make(catalog, "one")));
            CPPUNIT_ASSERT_EQUAL(std::string("two"), ask(*make(catalog, "two")));
        };
        auto kept = make(catalog, "one", "-kept");
        const auto one = _directory + "/one.so", two = _directory + "/two.so";
        write(one, std::string(Poco::File(one).getSize(), '\xcc')); // overwritten in place
        works();
        CPPUNIT_ASSERT_EQUAL(0, ::truncate(two.c_str(), 0));
        works();
        CPPUNIT_ASSERT_EQUAL(0, ::unlink(one.c_str()));
        works();
        install("two", "one.so"); // replaced by another plugin
        CPPUNIT_ASSERT_EQUAL(0, ::unlink(two.c_str()));
        works();
        CPPUNIT_ASSERT_EQUAL(std::string("one-kept"), ask(*kept));
        catalog.load();
        works(); // where they stay listed tells PluginDropInTest
        CPPUNIT_ASSERT_EQUAL(std::string("one-kept"), ask(*kept));
    }

    void picksUpWhatIsNew() {
        PluginCatalog catalog(options());
        catalog.load();
        CPPUNIT_ASSERT(catalog.plugins().empty());
        write(_directory + "/one.so", bytes("one").substr(0, 5000)); // still being copied
        catalog.load();
        contains("truncated", state(catalog, "one.so").reason);
        const auto* none = catalog.find(CredentialSeam, "one");
        CPPUNIT_ASSERT(none == nullptr);
        install("one");
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), state(catalog, "one.so").state);
        const auto* first = catalog.find(CredentialSeam, "one");
        install("two");
        write(_directory + "/junk.so", "junk");
        catalog.load();
        CPPUNIT_ASSERT(catalog.find(CredentialSeam, "one") == first);
        CPPUNIT_ASSERT(catalog.find(CredentialSeam, "two") != nullptr);
        CPPUNIT_ASSERT_EQUAL(0, ::unlink((_directory + "/junk.so").c_str()));
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), catalog.plugins().size());
    }

    void badPluginsStopNoOther() {
        const std::vector<std::pair<std::string, std::vector<std::string>>> expected = {
            {"bad_constructor_throws", {"crashed while it was opened", "Abort"}},
            {"bad_constructor_aborts", {"crashed while it was opened", "Abort"}},
            {"bad_constructor_exits", {"did not pass the check"}},
            {"bad_factory_throws", {"constructor of a component factory threw", "the factory burnt down"}},
            {"bad_factory_throws_foreign", {"constructor of a component factory threw", "not a std::exception"}},
            {"bad_unknown_seam", {"wasmproxy.coffee-machine/1", "unknown to this host", "update wasm-proxy"}},
            {"bad_name", {"'Not A Name'", "names are"}},
            {"bad_null_name", {"with the name ''"}},
            {"bad_settings_throw", {"settings() of credential-source bad threw", "nothing is settled"}},
            {"bad_twice", {"offers credential-source bad twice"}},
            {"bad_undefined_symbol", {"cannot be opened", "nobodyDefinesThis"}},
            {"bad_no_note", {"is not a wasm-proxy plugin", "add_wasmproxy_plugin"}},
            {"bad_no_manifest", {"does not export pocoBuildManifest"}},
            {"bad_other_revision", {"plugin revision 2, this host speaks 1"}},
            {"bad_other_signature",
             {"plugin [cxxabi=1002 string=0 debug=0 sanitizer=none poco=0x01090000]",
              std::string("host [") + buildSignature() + "]"}},
        };
        install("one");
        install("two", "zwei.so"); // after all others
        for (const auto& [name, texts] : expected)
            install(name);
        PluginCatalog catalog(options());
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(expected.size() + 2, catalog.plugins().size());
        for (const auto& [name, texts] : expected) {
            const auto refused = state(catalog, name + ".so");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string("refused"), refused.state);
            for (const auto& text : texts)
                contains(text, refused.reason);
            contains(name + ".so", refused.reason);
            CPPUNIT_ASSERT_MESSAGE(refused.reason, refused.reason.find('\n') == std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), catalog.factories(CredentialSeam).size());
        CPPUNIT_ASSERT_EQUAL(std::string("two"), ask(*make(catalog, "two")));
    }

    void hangingConstructorIsKilled() {
        install("bad_constructor_hangs");
        install("one");
        auto o = options();
        o.checkTimeout = std::chrono::milliseconds(1500);
        PluginCatalog catalog(o);
        const auto before = std::chrono::steady_clock::now();
        catalog.load();
        const auto took = std::chrono::steady_clock::now() - before;
        CPPUNIT_ASSERT(took >= o.checkTimeout && took < std::chrono::seconds(30));
        const auto reason = state(catalog, "bad_constructor_hangs.so").reason;
        contains("did not open within 1500 ms", reason);
        contains("waiting for the end of the world", reason);
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), state(catalog, "one.so").state);
    }

    void refusesWhatIsNoPlugin() {
        write(_directory + "/empty.so", "");
        write(_directory + "/text.so", "INPUT(libc.so.6)\n");
        auto elf = bytes("one");
        elf[1] = 'e';
        write(_directory + "/magic.so", elf);
        write(_directory + "/half.so", bytes("one").substr(0, bytes("one").size() / 2));
        write(_directory + "/huge.so", "");
        CPPUNIT_ASSERT_EQUAL(0, ::truncate((_directory + "/huge.so").c_str(), (256 << 20) + 1));
        CPPUNIT_ASSERT_EQUAL(0, ::mkdir((_directory + "/folder.so").c_str(), 0755));
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo((_directory + "/pipe.so").c_str(), 0644));
        CPPUNIT_ASSERT_EQUAL(0, ::symlink("/nowhere/at-all.so", (_directory + "/dangling.so").c_str()));
        PluginCatalog catalog(options());
        catalog.load();
        const std::vector<std::pair<const char*, const char*>> expected = {
            {"empty.so", "is empty"},      {"text.so", "is not an ELF file"},
            {"magic.so", "is not an ELF"}, {"half.so", "is truncated"},
            {"huge.so", "256 MiB"},        {"folder.so", "not a regular file"},
            {"pipe.so", "not a regular"},  {"dangling.so", "No such file"},
        };
        CPPUNIT_ASSERT_EQUAL(expected.size(), catalog.plugins().size());
        for (const auto& [name, text] : expected) {
            contains(text, state(catalog, name).reason);
            contains("; ", state(catalog, name).reason); // what to do
        }
    }

    void refusesDuplicates() {
        install("one");
        install("rival");
        install("two");
        PluginCatalog catalog(options());
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), state(catalog, "one.so").state);
        contains("rival.so offers credential-source one, which one.so has already", state(catalog, "rival.so").reason);
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), state(catalog, "two.so").state);
    }

    void refusesWritableByOthers() {
        install("one");
        install("two");
        ::chmod((_directory + "/one.so").c_str(), 0646);
        ::chmod((_directory + "/two.so").c_str(), 0664);
        PluginCatalog catalog(options());
        catalog.load();
        contains("one.so is writable by its group or by others", state(catalog, "one.so").reason);
        contains("chmod go-w", state(catalog, "two.so").reason);
        CPPUNIT_ASSERT(catalog.factories(CredentialSeam).empty());
        ::chmod((_directory + "/one.so").c_str(), 0644);
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), state(catalog, "one.so").state);
    }

    void refusesForeignOwner() {
        if (::geteuid() != 0) return; // nobody else can give files away
        install("one");
        CPPUNIT_ASSERT_EQUAL(0, ::chown((_directory + "/one.so").c_str(), 12345, 0));
        PluginCatalog catalog(options());
        catalog.load();
        contains("is owned by user 12345", state(catalog, "one.so").reason);
        auto careless = options();
        careless.checkOwner = false;
        PluginCatalog other(careless);
        other.load();
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), state(other, "one.so").state);
    }

    void followsLinksToGoodPlacesOnly() {
        const auto plugins = _directory + "/plugins", good = _directory + "/good", open = _directory + "/open";
        for (const auto& path : {plugins, good, open})
            CPPUNIT_ASSERT_EQUAL(0, ::mkdir(path.c_str(), 0755));
        install("one", "good/one.so");
        install("two", "open/two.so");
        ::chmod(open.c_str(), 0777);
        CPPUNIT_ASSERT_EQUAL(0, ::symlink("../good/one.so", (plugins + "/one.so").c_str()));
        CPPUNIT_ASSERT_EQUAL(0, ::symlink("../open/two.so", (plugins + "/two.so").c_str()));
        CPPUNIT_ASSERT_EQUAL(0, ::symlink("plugins", (_directory + "/link").c_str()));
        auto o = options();
        o.directory = _directory + "/link";
        PluginCatalog catalog(o);
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(std::string("loaded"), state(catalog, "one.so").state);
        contains("/open is writable by its group or by others", state(catalog, "two.so").reason);
    }

    void refusesBadDirectories() {
        refusedDirectory("", "not an absolute path");
        refusedDirectory("plugins", "not an absolute path");
        refusedDirectory(_directory + "/absent", "No such file or directory");
        write(_directory + "/file", "x");
        refusedDirectory(_directory + "/file", "is not a directory");
        const auto inner = _directory + "/inner";
        CPPUNIT_ASSERT_EQUAL(0, ::mkdir(inner.c_str(), 0755));
        ::chmod(_directory.c_str(), 0777);
        refusedDirectory(inner, "a parent of " + inner);
        refusedDirectory(_directory, "is writable by its group or by others");
        ::chmod(_directory.c_str(), 01777);
        auto o = options();
        o.directory = inner;
        PluginCatalog(o).load(); // the sticky bit keeps others from exchanging it
        ::chmod(_directory.c_str(), 0775);
        refusedDirectory(_directory, "is writable by its group or by others");
    }

    void refusesWithoutChecker() {
        install("one");
        auto o = options();
        o.checkerProgram = "/nowhere/checker";
        PluginCatalog catalog(o);
        catalog.load();
        contains("cannot start /nowhere/checker", state(catalog, "one.so").reason);
        o.checkerProgram = "/bin/false";
        PluginCatalog other(o);
        other.load();
        contains("one.so did not pass the check", state(other, "one.so").reason);
    }

    void checksInThisProcess() {
        const auto good = PluginCatalog::check(std::string(FIXTURES) + "/fixture_two.so");
        CPPUNIT_ASSERT_EQUAL(std::string("two"), good.id);
        CPPUNIT_ASSERT_EQUAL(std::string("credential-source two"), good.components.at(0));
        CPPUNIT_ASSERT_EQUAL(std::string("one"), PluginCatalog::check(std::string(FIXTURES) + "/fixture_one.so").id);
        const auto path = std::string(FIXTURES) + "/fixture_bad_factory_throws.so";
        CPPUNIT_ASSERT_THROW(PluginCatalog::check(path), Error);
        CPPUNIT_ASSERT_THROW(PluginCatalog::check("/nowhere.so"), Error);
        CPPUNIT_ASSERT_THROW(PluginCatalog::check("/tmp"), Error);
        CPPUNIT_ASSERT_THROW(PluginCatalog::check("/dev/zero"), Error);
    }

private:
    PluginCatalog::Options options() const {
        PluginCatalog::Options o;
        o.directory = _directory;
        o.checkerProgram = PLUGIN_CHECKER;
        o.checkTimeout = std::chrono::seconds(60); // sanitized, on a busy machine
        return o;
    }

    static std::string bytes(const std::string& fixture) {
        std::ifstream in(std::string(FIXTURES) + "/fixture_" + fixture + ".so", std::ios::binary);
        std::string content{std::istreambuf_iterator<char>(in), {}};
        CPPUNIT_ASSERT_MESSAGE(fixture, !content.empty());
        return content;
    }

    static void write(const std::string& path, const std::string& content) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
        ::chmod(path.c_str(), 0644);
    }

    void install(const std::string& fixture, const std::string& as = {}) {
        write(_directory + "/" + (as.empty() ? fixture + ".so" : as), bytes(fixture));
    }

    void refusedDirectory(const std::string& directory, const std::string& text) {
        auto o = options();
        o.directory = directory;
        PluginCatalog catalog(o);
        try {
            catalog.load();
        } catch (const Error& e) {
            CPPUNIT_ASSERT(e.code() == ErrorCode::SettingsInvalid);
            CPPUNIT_ASSERT(!e.hint().empty());
            contains("plugins.directory", e.what());
            return contains(text, e.what());
        }
        CPPUNIT_FAIL("not refused: " + directory);
    }

    static PluginState state(const PluginCatalog& catalog, const std::string& file) {
        for (const auto& state : catalog.plugins()) {
            if (state.file == file) return state;
        }
        CPPUNIT_FAIL("no state for " + file);
        return {};
    }

    static void contains(const std::string& part, const std::string& whole) {
        CPPUNIT_ASSERT_MESSAGE("'" + part + "' is not in '" + whole + "'", whole.find(part) != std::string::npos);
    }

    std::unique_ptr<CredentialSource> make(const PluginCatalog& catalog, const std::string& name,
                                           const std::string& suffix = {}) {
        const auto* factory = catalog.find(CredentialSeam, name);
        CPPUNIT_ASSERT_MESSAGE(name, factory != nullptr);
        auto settings = factory->settings();
        std::vector<SettingsProblem> problems;
        settings->apply({{"suffix", suffix, "test:1"}}, "credentials.x.", problems);
        CPPUNIT_ASSERT(problems.empty());
        auto component = factory->create(_services, std::move(settings));
        auto* source = dynamic_cast<CredentialSource*>(component.get());
        CPPUNIT_ASSERT(source != nullptr);
        component.release();
        return std::unique_ptr<CredentialSource>(source);
    }

    static Credential credential(CredentialSource& source) {
        Call call("t", Call::Clock::now() + std::chrono::seconds(5));
        return source.find(call, {Repository("r.example", "a"), ""}).at(0);
    }
    static std::string ask(CredentialSource& source) { return credential(source).username; }

    std::string _directory;
    NoServices _services;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PluginCatalogTest);
