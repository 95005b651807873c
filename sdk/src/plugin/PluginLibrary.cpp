// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/PluginLibrary.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/PluginNoteReader.h"
#include "wasmproxy/plugin/RegistryBackend.h"

#include <Poco/Exception.h>
#include <Poco/Manifest.h>
#include <set>
#include <string_view>
#include <utility>

namespace wasmproxy {

namespace {

using Manifest = Poco::Manifest<ComponentFactory>;

Error fault(const std::string& message, const char* hint = "ask the plugin's author for a fixed version") {
    return Error(ErrorCode::PluginFault, message, hint);
}

/// Runs plugin code; what it throws, of whatever type, becomes an Error that says where.
template <class Function>
auto guarded(const std::string& where, Function&& function) {
    try {
        return function();
    } catch (const Poco::Exception& e) {
        throw fault(where + " threw: " + e.displayText());
    } catch (const std::exception& e) {
        throw fault(where + " threw: " + e.what());
    } catch (...) {
        throw fault(where + " threw something that is not a std::exception");
    }
}

bool isKnownSeam(std::string_view seam) {
    return seam == RegistryBackend::Seam || seam == CredentialSource::Seam || seam == CacheStore::Seam;
}

} // namespace

PluginLibrary::PluginLibrary(const std::string& path, const std::string& file) : _file(file) {
    try {
        _library.load(path, Poco::SharedLibrary::SHLIB_LOCAL);
    } catch (const Poco::Exception& e) {
        std::string why = e.message();
        if (const auto at = why.find(path); at != std::string::npos) why.replace(at, path.size(), file);
        throw fault(file + " cannot be opened: " + why, "install what it needs, or build it for this system");
    } catch (...) { // its static constructors run in dlopen; most compilers' runtimes abort there instead
        throw fault(file + " threw an exception while it was opened");
    }
}

std::vector<std::unique_ptr<ComponentFactory>> PluginLibrary::makeFactories() {
    if (!_library.hasSymbol("pocoBuildManifest")) {
        throw fault(_file + " does not export pocoBuildManifest",
                    "build it with add_wasmproxy_plugin and WASMPROXY_PLUGIN");
    }
    Manifest manifest;
    const auto build = reinterpret_cast<bool (*)(Poco::ManifestBase*)>(_library.getSymbol("pocoBuildManifest"));
    if (!guarded(_file + "'s manifest", [&] { return build(&manifest); }) || manifest.empty()) {
        throw fault(_file + "'s manifest lists no component for this host");
    }
    std::vector<std::unique_ptr<ComponentFactory>> factories;
    std::set<std::pair<std::string, std::string>> seen;
    for (auto it = manifest.begin(); it != manifest.end(); ++it) {
        std::unique_ptr<ComponentFactory> factory(
            guarded(_file + ": the constructor of a component factory", [&] { return (*it)->create(); }));
        const char* seam = factory->seam();
        const char* name = factory->name();
        if (seam == nullptr || !isKnownSeam(seam)) {
            throw fault(_file + " offers a component for the seam '" + (seam ? seam : "") + "', unknown to this host",
                        "update wasm-proxy, or use a version of the plugin for this release");
        }
        if (name == nullptr || !isPluginName(name)) {
            throw fault(_file + " offers a component with the name '" + (name ? name : "") + "'",
                        "names are lower-case letters, digits and '-', a letter first");
        }
        const auto title = componentTitle(*factory);
        if (!seen.emplace(seam, name).second) throw fault(_file + " offers " + title + " twice");
        // Proves that the settings can be made: --print-settings and the host rely on it.
        if (!guarded(_file + ": settings() of " + title, [&] {
                const auto settings = factory->settings();
                return settings && (settings->describe(), true);
            })) {
            throw fault(_file + ": " + title + " returned no settings");
        }
        factories.push_back(std::move(factory));
    }
    return factories;
}

std::string componentTitle(const ComponentFactory& factory) {
    std::string seam = factory.seam();
    if (seam.rfind("wasmproxy.", 0) == 0) seam.erase(0, 10);
    return seam.substr(0, seam.rfind('/')) + " " + factory.name();
}

} // namespace wasmproxy
