// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/PluginNoteReader.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Abi.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <optional>

namespace wasmproxy {

namespace {

#if defined(__x86_64__)
constexpr unsigned Machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned Machine = EM_AARCH64;
#else
#error "plugins are not supported on this machine: add its EM_ number"
#endif

constexpr char NoteName[] = "wasmproxy"; // its size counts the NUL, as in the note

/// Bytes of a file that may say anything: every access is bounded.
class ElfFile {
public:
    ElfFile(std::string_view bytes, const std::string& file) : _bytes(bytes), _file(file) {}

    [[noreturn]] void refuse(const std::string& why,
                             const char* hint = "build it again and copy the whole file") const {
        throw Error(ErrorCode::PluginFault, _file + " " + why, hint);
    }

    bool holds(std::uint64_t offset, std::uint64_t size) const {
        return size <= _bytes.size() && offset <= _bytes.size() - size;
    }

    std::string_view slice(std::uint64_t offset, std::uint64_t size, const char* what) const {
        if (!holds(offset, size)) refuse(std::string("is truncated: its ") + what + " lies past the end");
        return _bytes.substr(offset, size);
    }

    template <class T>
    T at(std::uint64_t offset, const char* what) const {
        T value;
        std::memcpy(&value, slice(offset, sizeof value, what).data(), sizeof value); // alignment is not promised
        return value;
    }

    Elf64_Ehdr header() const {
        const char* notElf = "only shared libraries belong into the plugin directory; remove it";
        if (_bytes.empty()) refuse("is empty", "copy the plugin again");
        if (_bytes.size() < EI_NIDENT || std::memcmp(_bytes.data(), ELFMAG, SELFMAG) != 0) {
            refuse("is not an ELF file", notElf);
        }
        if (_bytes[EI_CLASS] != ELFCLASS64 || _bytes[EI_DATA] != ELFDATA2LSB) {
            refuse("is built for another kind of machine", "build it for this machine");
        }
        const auto header = at<Elf64_Ehdr>(0, "ELF header");
        if (header.e_machine != Machine) {
            refuse("is built for another machine (ELF machine " + std::to_string(header.e_machine) + ")",
                   "build it for this machine");
        }
        if (header.e_type != ET_DYN || header.e_version != EV_CURRENT) refuse("is not a shared library", notElf);
        if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum == PN_XNUM) {
            refuse("has no usable program headers");
        }
        // Linkers write the section headers last, so this is how a file that was cut shows.
        if (header.e_shoff != 0) {
            slice(header.e_shoff, std::uint64_t(header.e_shnum) * header.e_shentsize, "section header table");
        }
        return header;
    }

private:
    std::string_view _bytes;
    const std::string& _file;
};

std::uint64_t aligned(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) / to * to;
}

/// The descriptions of our notes in one PT_NOTE segment are appended to `found`, which must not become two.
void findNotes(const ElfFile& elf, std::string_view notes, std::uint64_t alignment,
               std::optional<std::string_view>& found) {
    std::uint64_t at = 0;
    while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
        Elf64_Nhdr header;
        std::memcpy(&header, notes.data() + at, sizeof header);
        const std::uint64_t name = at + sizeof header;
        const std::uint64_t description = aligned(name + header.n_namesz, alignment); // 32 bit sizes: no overflow
        const std::uint64_t end = description + header.n_descsz;
        if (end > notes.size()) elf.refuse("has a note that is longer than its segment");
        if (header.n_type == PluginNote::NoteType &&
            notes.substr(name, header.n_namesz) == std::string_view(NoteName, sizeof NoteName)) {
            if (found) elf.refuse("has two plugin notes", "use WASMPROXY_PLUGIN once per plugin");
            found = notes.substr(description, header.n_descsz);
        }
        at = aligned(end, alignment);
    }
}

template <std::size_t Size>
std::string text(const ElfFile& elf, const char (&field)[Size], const char* what) {
    const char* end = std::find(field, field + Size, '\0');
    const bool printable =
        std::all_of(static_cast<const char*>(field), end, [](char c) { return c >= ' ' && c <= '~'; });
    if (end == field + Size || end == field || !printable)
        elf.refuse(std::string("has a broken ") + what + " in its note");
    return {field, end};
}

} // namespace

const char* buildSignature() noexcept {
    return WASMPROXY_BUILD_SIGNATURE;
}

bool isPluginName(std::string_view name) noexcept {
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    return !name.empty() && name.size() < sizeof(PluginNote::id) && lower(name[0]) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; });
}

PluginIdentity readPluginNote(std::string_view bytes, const std::string& file) {
    const ElfFile elf(bytes, file);
    const auto header = elf.header();
    std::optional<std::string_view> description;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        const auto segment = elf.at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr), "program header table");
        // Also what we do not read: opening a file that lacks a part of a segment kills the process.
        if (segment.p_type == PT_NULL) continue;
        const auto content = elf.slice(segment.p_offset, segment.p_filesz, "segment");
        if (segment.p_type == PT_NOTE) findNotes(elf, content, segment.p_align == 8 ? 8 : 4, description);
    }
    if (!description) {
        elf.refuse("is not a wasm-proxy plugin (it has no .note.wasmproxy)",
                   "build it with add_wasmproxy_plugin and WASMPROXY_PLUGIN, or remove it");
    }
    PluginNote note;
    if (description->size() < sizeof note) elf.refuse("has a note that is too short");
    std::memcpy(&note, description->data(), sizeof note);
    if (note.size != description->size()) elf.refuse("has a note of the wrong size");
    PluginIdentity identity;
    identity.revision = note.revision;
    identity.signature = text(elf, note.signature, "build signature");
    identity.id = text(elf, note.id, "id");
    identity.version = text(elf, note.version, "version");
    if (!isPluginName(identity.id)) {
        elf.refuse("has the id '" + identity.id + "'", "ids are lower-case letters, digits and '-', a letter first");
    }
    return identity;
}

void requireCompatible(const PluginIdentity& identity, const std::string& file) {
    if (identity.revision != PluginNote::Revision) {
        throw Error(ErrorCode::PluginFault,
                    file + " is built for plugin revision " + std::to_string(identity.revision) +
                        ", this host speaks " + std::to_string(PluginNote::Revision),
                    "build it with the SDK of this release");
    }
    if (identity.signature != buildSignature()) {
        throw Error(ErrorCode::PluginFault,
                    file + " has another build signature: plugin [" + identity.signature + "], host [" +
                        buildSignature() + "]",
                    "build it with the compiler settings and Poco of this host");
    }
}

} // namespace wasmproxy
