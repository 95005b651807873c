// SPDX-License-Identifier: Apache-2.0
#include "wasm/OciLayoutReader.h"

#include "wasm/BlobReader.h"
#include "wasm/ContentShape.h"
#include "wasm/Decompressor.h"
#include "wasm/PeekReader.h"
#include "wasm/Printable.h"
#include "wasm/TarReader.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include <vector>

namespace wasmproxy::host {
namespace {

constexpr std::size_t ChunkBytes = 64 * 1024;
constexpr std::size_t MarkerBytes = 4096;

class LayoutArchive {
public:
    LayoutArchive(Blob& archive, const std::string& what, LayoutSink& sink, const LayoutLimits& limits)
        : _what(what), _sink(sink), _limits(limits), _budget(limits.unpack) {
        _budget.startLayer();
        auto reader = std::make_unique<PeekReader>(std::make_unique<BlobReader>(archive, _budget), ShapeBytes);
        if (shapeOf(reader->beginning()) == ContentShape::Gzip) {
            auto inner = std::make_unique<Decompressor>(std::move(reader), ContentShape::Gzip, what, _budget);
            reader = std::make_unique<PeekReader>(std::move(inner), ShapeBytes);
        }
        if (shapeOf(reader->beginning()) != ContentShape::Tar)
            refuse("is no tar archive, plain or gzip, but " + describeBytes(reader->beginning()));
        _tar = std::make_unique<TarReader>(std::move(reader), what);
    }

    std::string read() {
        while (const auto entry = _tar->next()) {
            _budget.entry(entry->rawBytes, _what);
            take(*entry);
        }
        if (_marker.empty() || _index.empty())
            refuse(_docker ? "is an archive of `docker save`, not an OCI image layout"
                           : std::string("is no OCI image layout: it has no ") +
                                 (_marker.empty() ? "oci-layout" : "index.json"),
                   "write one with `skopeo copy SOURCE oci-archive:FILE`");
        const auto marker = StrictJson::parse(_marker, "oci-layout of " + _what, ErrorCode::ModuleUnusable);
        if (const auto version = marker.at("imageLayoutVersion").asString(); version != "1.0.0")
            refuse("is an OCI image layout of version " + printable(version, 40) + "; 1.0.0 is read here");
        return _index;
    }

private:
    [[noreturn]] void refuse(const std::string& reason, const std::string& hint = {}) const {
        throw Error(ErrorCode::ModuleUnusable, _what + " " + reason, hint);
    }

    void take(const TarEntry& entry) {
        if (entry.kind == TarEntry::Kind::Directory) return;
        if (entry.kind != TarEntry::Kind::File) refuse("has an entry that is no file: " + printable(entry.path, 200));
        if (entry.path == "oci-layout") return takeDocument(_marker, MarkerBytes, "oci-layout");
        if (entry.path == "index.json") return takeDocument(_index, _limits.documentBytes, "index.json");
        if (entry.path == "manifest.json") _docker = true;
        if (entry.path.compare(0, 6, "blobs/") == 0) takeContent(entry.path.substr(6));
    }

    void takeDocument(std::string& document, std::uint64_t limit, const char* name) {
        if (!document.empty()) refuse(std::string("has two files ") + name);
        each([&](const char* bytes, std::size_t size) {
            if (document.size() + size > limit)
                refuse(std::string("has a larger ") + name + " than " + std::to_string(limit) + " bytes");
            document.append(bytes, size);
        });
        if (document.empty()) refuse(std::string("has an empty ") + name);
    }

    void takeContent(std::string name) {
        const auto slash = name.find('/');
        if (slash != std::string::npos) name[slash] = ':';
        const auto digest = Digest::tryParse(name);
        if (!digest) refuse("has a blob whose name is no digest: " + printable(name, 200));
        if (++_contents > _limits.contents) refuse("has more than " + std::to_string(_limits.contents) + " blobs");
        DigestStream stream(digest->algorithm());
        std::uint64_t count = 0;
        each([&](const char* bytes, std::size_t size) {
            count += size;
            if (count > _limits.contentBytes)
                refuse("has the blob " + digest->str() + " with more than the limit of " +
                           std::to_string(_limits.contentBytes) + " bytes",
                       "raise pull.max-layer");
            stream.update(bytes, size);
            _sink.write(bytes, size);
        });
        if (const auto found = stream.finish(); found != *digest)
            refuse("has a blob " + digest->str() + " whose bytes are " + found.str());
        _sink.end(*digest, count);
    }

    template <class Take>
    void each(Take take) {
        std::vector<char> chunk(ChunkBytes);
        while (const auto count = _tar->read(chunk.data(), chunk.size())) {
            _budget.unpacked(count, _what);
            take(chunk.data(), count);
        }
    }

    const std::string& _what;
    LayoutSink& _sink;
    const LayoutLimits& _limits;
    UnpackBudget _budget;
    std::unique_ptr<TarReader> _tar;
    std::string _marker;
    std::string _index;
    std::size_t _contents = 0;
    bool _docker = false;
};

} // namespace

std::string readOciLayout(Blob& archive, const std::string& what, LayoutSink& sink, const LayoutLimits& limits) {
    return LayoutArchive(archive, what, sink, limits).read();
}

} // namespace wasmproxy::host
