// SPDX-License-Identifier: Apache-2.0
// What is accepted has one meaning: its media type says manifest or index, all sizes are in range, digests parse, and
// no other Content-Type of the other kind makes it something else.
#include "wasmproxy/oci/Manifest.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/MediaType.h"

#include "Oracle.h"

using namespace wasmproxy;

namespace {

void check(const Descriptor& descriptor) {
    REQUIRE(Digest::tryParse(descriptor.digest.str()).has_value());
    REQUIRE(descriptor.size <= std::uint64_t(1) << 53);
}

/// 'i', 'm' or 'x' for an index, a manifest or a refusal.
char kindOf(std::string_view bytes, const char* contentType) {
    try {
        const auto parsed = parseManifest(bytes, contentType);
        if (const auto* index = std::get_if<ImageIndex>(&parsed)) {
            REQUIRE(media::isImageIndex(index->mediaType));
            for (const auto& child : index->manifests)
                check(child);
            return 'i';
        }
        const auto& manifest = std::get<Manifest>(parsed);
        REQUIRE(media::isManifest(manifest.mediaType));
        check(manifest.config);
        for (const auto& layer : manifest.layers)
            check(layer);
        if (manifest.subject) check(*manifest.subject);
        return 'm';
    } catch (const Error& e) {
        REQUIRE(e.code() == ErrorCode::UpstreamInvalid);
        for (const char c : std::string(e.what()))
            REQUIRE(c >= 0x20 && c < 0x7f);
        return 'x';
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const char plain = kindOf(bytes, "");
    const char manifest = kindOf(bytes, media::OciManifest);
    const char index = kindOf(bytes, media::OciIndex);
    REQUIRE(manifest != 'i' && index != 'm');
    REQUIRE(manifest == 'x' || index == 'x');
    REQUIRE(plain == 'x' || plain != 'm' || index == 'x');
    REQUIRE(plain == 'x' || plain != 'i' || manifest == 'x');
    return 0;
}
