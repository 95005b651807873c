// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Version.h>
#include <cstdint>
#include <string> // defines _GLIBCXX_USE_CXX11_ABI

namespace wasmproxy {

/// The door: an ELF note that the host reads from the file without running any of its code.
/// Section `.note.wasmproxy`, note name "wasmproxy", type NoteType, description = PluginNote.
struct PluginNote {
    static constexpr std::uint32_t NoteType = 1;
    static constexpr std::uint32_t Revision = 1; ///< of the seams; a host refuses any other

    std::uint32_t size;     ///< of this struct, so that it can grow
    std::uint32_t revision; ///< Revision of the SDK the plugin was built with
    char signature[160];    ///< WASMPROXY_BUILD_SIGNATURE of that build, NUL-terminated
    char id[64];            ///< [a-z][a-z0-9-]*
    char version[32];
};
static_assert(sizeof(PluginNote) == 264, "frozen: only append, and raise what PluginNoteReader accepts");

} // namespace wasmproxy

#define WASMPROXY_STRINGIFY2(x) #x
#define WASMPROXY_STRINGIFY(x) WASMPROXY_STRINGIFY2(x)

#ifdef _GLIBCXX_DEBUG
#define WASMPROXY_DEBUG_MODE "1"
#else
#define WASMPROXY_DEBUG_MODE "0"
#endif

#ifdef __has_feature // clang's word for gcc's __SANITIZE_*
#if __has_feature(address_sanitizer)
#define WASMPROXY_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define WASMPROXY_SANITIZER "thread"
#endif
#endif
#ifndef WASMPROXY_SANITIZER
#if defined(__SANITIZE_ADDRESS__)
#define WASMPROXY_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define WASMPROXY_SANITIZER "thread"
#else
#define WASMPROXY_SANITIZER "none"
#endif
#endif

/// What must be equal on both sides for C++ objects to cross: C++ ABI version, libstdc++'s string ABI, its debug mode,
/// sanitizers, Poco's version. Differs -> refused, both signatures shown.
#define WASMPROXY_BUILD_SIGNATURE                                                                                      \
    "cxxabi=" WASMPROXY_STRINGIFY(__GXX_ABI_VERSION) " string=" WASMPROXY_STRINGIFY(                                   \
        _GLIBCXX_USE_CXX11_ABI) " debug=" WASMPROXY_DEBUG_MODE " sanitizer=" WASMPROXY_SANITIZER                       \
                                " poco=" WASMPROXY_STRINGIFY(POCO_VERSION)
