// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionDirectory.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
namespace fs = std::filesystem;

namespace {

// Longer than a test waits: what is seen was told by an event.
constexpr std::chrono::minutes Never{10};

std::string document(const std::string& name, const std::string& tag = "v1") {
    return "apiVersion: extension.tsb.tetrate.io/v2\nkind: WasmExtension\nmetadata: {name: " + name +
           "}\nspec: {url: 'ghcr.io/o/" + name + ":" + tag + "'}\n";
}

class Folder {
public:
    Folder() {
        std::string path = (fs::temp_directory_path() / "wasm-proxy-extensions-XXXXXX").string();
        CPPUNIT_ASSERT(::mkdtemp(path.data()));
        _path = path;
    }
    ~Folder() { fs::remove_all(_path); }

    std::string path(const std::string& name = {}) const { return name.empty() ? _path : _path + "/" + name; }
    void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

private:
    std::string _path;
};

bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

std::string tag(const ExtensionCatalog& catalog, const std::string& name) {
    const auto extension = catalog.find(name);
    return extension ? extension->reference.tag() : "";
}

std::string problemOf(const ExtensionCatalog& catalog, const std::string& origin) {
    for (const auto& entry : catalog.entries())
        if (entry.document.origin == origin && !entry.document.problems.empty())
            return entry.document.problems[0].field + ": " + entry.document.problems[0].message;
    return {};
}

} // namespace

class ExtensionDirectoryTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExtensionDirectoryTest);
    CPPUNIT_TEST(readsAtOnceAndFollows);
    CPPUNIT_TEST(onlyDocumentsAreRead);
    CPPUNIT_TEST(followsAConfigMapVolume);
    CPPUNIT_TEST(waitsForItsDirectory);
    CPPUNIT_TEST(looksFromTimeToTime);
    CPPUNIT_TEST(aDirectoryThatCannotBeReadKeepsWhatItHad);
    CPPUNIT_TEST_SUITE_END();

    void readsAtOnceAndFollows() {
        const Folder folder;
        folder.write("a.yaml", document("a") + "---\n" + document("b"));
        folder.write("bad.yaml", "kind: [");
        ExtensionCatalog catalog;
        const ExtensionDirectory directory(folder.path(), catalog, Never);
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), tag(catalog, "a"));
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), tag(catalog, "b"));
        CPPUNIT_ASSERT(problemOf(catalog, folder.path("bad.yaml")).find("not YAML") != std::string::npos);

        folder.write("c.yml", document("c"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "c") == "v1"; }));
        folder.write("a.yaml", document("a", "v2"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "a") == "v2"; }));
        CPPUNIT_ASSERT(!catalog.find("b"));
        folder.write("bad.yaml", document("good-now"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "good-now") == "v1"; }));
        CPPUNIT_ASSERT_EQUAL(std::string(), problemOf(catalog, folder.path("bad.yaml")));
        // What is written counts: the version before is not served on.
        folder.write("a.yaml", "spec: {}");
        CPPUNIT_ASSERT(eventually([&] { return !catalog.find("a"); }));
        CPPUNIT_ASSERT(catalog.find("c"));
        fs::remove(folder.path("c.yml"));
        CPPUNIT_ASSERT(eventually([&] { return !catalog.find("c"); }));
        folder.write(".tmp", document("d"));
        fs::rename(folder.path(".tmp"), folder.path("d.yaml"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "d") == "v1"; }));
    }

    void onlyDocumentsAreRead() {
        const Folder folder;
        folder.write("a.yaml~", document("no1"));
        folder.write(".b.yaml", document("no2"));
        folder.write("README.md", document("no3"));
        folder.write("large.yaml", document("no4") + std::string(1 << 20, '#'));
        folder.write("j.json", R"({"apiVersion":"extension.wasmproxy.io/v1alpha1","kind":"WasmExtension",)"
                               R"("metadata":{"name":"j"},"spec":{"url":"ghcr.io/o/j:v1"}})");
        fs::create_directory(folder.path("folder.yaml"));
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(folder.path("pipe.yaml").c_str(), 0600));
        fs::create_symlink("nowhere", folder.path("link.yaml"));
        ExtensionFiles files;
        const auto content = files.read(folder.path());
        CPPUNIT_ASSERT_EQUAL(std::string(), content.problem);
        std::string found;
        for (const auto& each : content.documents)
            found += fs::path(each.origin).filename().string() + (each.extension ? "+ " : "- ");
        CPPUNIT_ASSERT_EQUAL(std::string("folder.yaml- j.json+ large.yaml- link.yaml- pipe.yaml- "), found);
    }

    void followsAConfigMapVolume() {
        const Folder folder;
        const auto publish = [&](const std::string& version, const std::string& text) {
            fs::create_directory(folder.path("..v" + version));
            folder.write("..v" + version + "/a.yaml", text);
            fs::create_directory_symlink("..v" + version, folder.path("..data_tmp"));
            fs::rename(folder.path("..data_tmp"), folder.path("..data"));
        };
        publish("1", document("a", "v1"));
        fs::create_symlink("..data/a.yaml", folder.path("a.yaml"));
        ExtensionCatalog catalog;
        const ExtensionDirectory directory(folder.path(), catalog, Never);
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), tag(catalog, "a"));
        publish("2", document("a", "v2"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "a") == "v2"; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), catalog.entries().size());
    }

    void waitsForItsDirectory() {
        const Folder folder;
        ExtensionCatalog catalog;
        const ExtensionDirectory directory(folder.path("later"), catalog, Never);
        CPPUNIT_ASSERT(catalog.entries().empty());
        fs::create_directory(folder.path("later"));
        folder.write("later/a.yaml", document("a"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "a") == "v1"; }));
        folder.write("later/a.yaml", document("a", "v2"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "a") == "v2"; }));
        // Another directory takes its place.
        fs::rename(folder.path("later"), folder.path("old"));
        CPPUNIT_ASSERT(eventually([&] { return !catalog.find("a"); }));
        fs::create_directory(folder.path("later"));
        folder.write("later/b.yaml", document("b"));
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "b") == "v1"; }));
    }

    void looksFromTimeToTime() {
        const Folder folder;
        const Folder elsewhere;
        elsewhere.write("a.yaml", document("a"));
        fs::create_symlink(elsewhere.path("a.yaml"), folder.path("a.yaml"));
        ExtensionCatalog catalog;
        const ExtensionDirectory directory(folder.path(), catalog, std::chrono::milliseconds(50));
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), tag(catalog, "a"));
        elsewhere.write("a.yaml", document("a", "v2")); // no event tells of this
        CPPUNIT_ASSERT(eventually([&] { return tag(catalog, "a") == "v2"; }));
    }

    void aDirectoryThatCannotBeReadKeepsWhatItHad() {
        const Folder folder;
        const Folder real;
        real.write("a.yaml", document("a"));
        const auto link = folder.path("link");
        fs::create_directory_symlink(real.path(), link);
        ExtensionCatalog catalog;
        const ExtensionDirectory directory(link, catalog, std::chrono::milliseconds(20));
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), tag(catalog, "a"));
        fs::create_symlink("link", folder.path("loop")); // a loop: neither there nor gone
        fs::rename(folder.path("loop"), link);
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), tag(catalog, "a"));
        fs::remove(link);
        CPPUNIT_ASSERT(eventually([&] { return !catalog.find("a"); }));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExtensionDirectoryTest);
