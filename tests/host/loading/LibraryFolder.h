// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loading/PluginCatalog.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/CredentialSource.h"

#include <Poco/File.h>
#include <Poco/TemporaryFile.h>
#include <cppunit/extensions/HelperMacros.h>
#include <cstdio>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace wasmproxy::test {

/// A plugin directory of a test's own, with the libraries that are built beside it.
class LibraryFolder {
public:
    LibraryFolder() : _path(Poco::TemporaryFile::tempName()) {
        CPPUNIT_ASSERT_EQUAL(0, ::mkdir(_path.c_str(), 0755));
        ::chmod(_path.c_str(), 0755);
    }
    ~LibraryFolder() {
        ::chmod(_path.c_str(), 0755);
        Poco::File(_path).remove(true);
    }
    LibraryFolder(const LibraryFolder&) = delete;
    LibraryFolder& operator=(const LibraryFolder&) = delete;

    const std::string& path() const { return _path; }
    std::string operator/(const std::string& name) const { return _path + "/" + name; }

    static std::string bytes(const std::string& fixture) {
        std::ifstream in(std::string(FIXTURES) + "/fixture_" + fixture + ".so", std::ios::binary);
        std::string content{std::istreambuf_iterator<char>(in), {}};
        CPPUNIT_ASSERT_MESSAGE(fixture, !content.empty());
        return content;
    }
    /// In place, as `cp` does.
    void write(const std::string& name, const std::string& content) const {
        std::ofstream(*this / name, std::ios::binary | std::ios::trunc) << content;
        ::chmod((*this / name).c_str(), 0644);
    }
    /// Written aside and renamed, as `install` and package managers do.
    void install(const std::string& fixture, const std::string& name) const {
        write(".aside", bytes(fixture));
        rename(".aside", name);
    }
    void rename(const std::string& from, const std::string& to) const {
        CPPUNIT_ASSERT_EQUAL(0, std::rename((*this / from).c_str(), (*this / to).c_str()));
    }
    void remove(const std::string& name) const { CPPUNIT_ASSERT_EQUAL(0, ::unlink((*this / name).c_str())); }

    host::PluginCatalog::Options options() const {
        host::PluginCatalog::Options options;
        options.directory = _path;
        options.checkerProgram = PLUGIN_CHECKER;
        options.checkTimeout = std::chrono::seconds(60); // sanitized, on a busy machine
        return options;
    }

private:
    const std::string _path;
};

/// The version of the plugin that "credential-source one" comes from; "": there is none.
inline std::string versionOfOne(const host::PluginCatalog& catalog) {
    const auto* found = catalog.find(CredentialSource::Seam, "one");
    if (!found) return {};
    for (const auto& state : catalog.plugins())
        for (const auto* factory : state.factories)
            if (factory == found) return state.version;
    return "of nobody";
}

inline host::PluginState stateOf(const host::PluginCatalog& catalog, const std::string& file) {
    for (const auto& state : catalog.plugins())
        if (state.file == file) return state;
    host::PluginState none;
    none.state = "not listed";
    return none;
}

inline void contains(const std::string& part, const std::string& whole) {
    CPPUNIT_ASSERT_MESSAGE("'" + part + "' is not in '" + whole + "'", whole.find(part) != std::string::npos);
}

} // namespace wasmproxy::test
