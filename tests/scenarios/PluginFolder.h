// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Rig.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <cppunit/extensions/HelperMacros.h>

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <set>
#include <stdexcept>

namespace wasmproxy::test {

inline std::string pluginOfBuild(const std::string& plugin) {
    return BUILD_ROOT "/plugins/" + plugin + ".so";
}

/// A library that tests/host/loading builds.
inline std::string fixture(const std::string& name) {
    return BUILD_ROOT "/tests/host/loading/fixture_" + name + ".so";
}

/// A plugin directory of its own, with what the Rig's configuration needs.
class PluginFolder {
public:
    PluginFolder() {
        std::filesystem::create_directory(path());
        ::chmod(path().c_str(), 0755);
        for (const auto& plugin : Proxy::ownPlugins())
            install(pluginOfBuild(plugin), plugin + ".so");
    }
    std::string path() const { return _folder / "plugins"; }
    std::string operator/(const std::string& name) const { return path() + "/" + name; }
    /// As `install` and package managers do: written aside, then renamed.
    void install(const std::string& library, const std::string& name) const { put(readFile(library), name); }
    void put(const std::string& bytes, const std::string& name, mode_t mode = 0644) const {
        const auto aside = _folder.write("aside", bytes, mode);
        ::chmod(aside.c_str(), mode);
        if (std::rename(aside.c_str(), (*this / name).c_str()) != 0) throw std::runtime_error("cannot put " + name);
    }

private:
    TemporaryFolder _folder;
};

inline void contains(const std::string& part, const std::string& whole) {
    CPPUNIT_ASSERT_MESSAGE("'" + part + "' is not in: " + whole, whole.find(part) != std::string::npos);
}

/// What /api/v1/plugins says of a library.
struct ListedPlugin {
    std::string id, version, state, reason;
    std::set<std::string> usedBy;
};

/// The one that each file holds.
inline std::map<std::string, ListedPlugin> listedIn(const HttpAnswer& answer) {
    const auto body = Poco::JSON::Parser().parse(answer.body).extract<Poco::JSON::Object::Ptr>();
    std::map<std::string, ListedPlugin> result;
    const auto plugins = body->getArray("items");
    for (unsigned i = 0; i < plugins->size(); ++i) {
        const auto plugin = plugins->getObject(i);
        const auto text = [&](const char* key) { return plugin->optValue<std::string>(key, ""); };
        ListedPlugin listed{text("id"), text("version"), text("state"), text("reason"), {}};
        const auto users = plugin->getArray("usedBy");
        for (unsigned j = 0; j < users->size(); ++j)
            listed.usedBy.insert(users->getElement<std::string>(j));
        result.emplace(text("file"), std::move(listed));
    }
    return result;
}

inline std::map<std::string, ListedPlugin> listedBy(const Proxy& proxy) {
    const auto answer = proxy.admin("/api/v1/plugins");
    CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + answer.error + proxy.log(), 200, answer.status);
    return listedIn(answer);
}

} // namespace wasmproxy::test
