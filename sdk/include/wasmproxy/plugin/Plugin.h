// SPDX-License-Identifier: Apache-2.0
#pragma once

/// All that a plugin's source needs to include, and the macro that makes it one. In exactly one source file:
///
///     WASMPROXY_PLUGIN("my-registry", "1.0.0", MyFactory)
///
/// with MyFactory a default-constructible ComponentFactory (several may follow, separated by commas). Build it with
/// the CMake function `add_wasmproxy_plugin`, which hides every symbol but Poco's manifest function.
#include "wasmproxy/plugin/Abi.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/ComponentFactory.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/plugin/RegistryBackend.h"

#include <Poco/ClassLibrary.h>
#include <string_view>
#include <typeinfo>

namespace wasmproxy::detail {

struct ElfNote {
    std::uint32_t nameSize;
    std::uint32_t descriptionSize;
    std::uint32_t type;
    char name[12]; // "wasmproxy" padded to 4
    PluginNote note;
};

template <class... Factories>
bool fillManifest(Poco::ManifestBase* base) {
    using Manifest = Poco::Manifest<ComponentFactory>;
    // By name: with hidden visibility each library has a type_info object of its own.
    if (std::string_view(base->className()) != typeid(Manifest).name()) return false;
    auto* manifest = static_cast<Manifest*>(base);
    // Keyed by class: components of two seams may share a name.
    return (manifest->insert(new Poco::MetaObject<Factories, ComponentFactory>(typeid(Factories).name())) && ...);
}

} // namespace wasmproxy::detail

#define WASMPROXY_PLUGIN(id, version, ...)                                                                             \
    namespace {                                                                                                        \
    __attribute__((section(".note.wasmproxy"), used, aligned(4))) const wasmproxy::detail::ElfNote wasmproxyNote = {   \
        10,                                                                                                            \
        sizeof(wasmproxy::PluginNote),                                                                                 \
        wasmproxy::PluginNote::NoteType,                                                                               \
        "wasmproxy",                                                                                                   \
        {sizeof(wasmproxy::PluginNote), wasmproxy::PluginNote::Revision, WASMPROXY_BUILD_SIGNATURE, id, version}};     \
    }                                                                                                                  \
    bool pocoBuildManifest(Poco::ManifestBase* manifest) {                                                             \
        return wasmproxy::detail::fillManifest<__VA_ARGS__>(manifest);                                                 \
    }
