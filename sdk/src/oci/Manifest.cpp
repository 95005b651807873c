// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/Manifest.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/MediaType.h"

#include "DescriptorReader.h"
#include "Printable.h"

namespace wasmproxy {

namespace {

constexpr ErrorCode Invalid = ErrorCode::UpstreamInvalid;

const char* const KnownKeys[] = {"schemaVersion", "mediaType", "artifactType", "config",      "layers",    "manifests",
                                 "subject",       "fsLayers",  "history",      "annotations", "signatures"};

/// Members as they stand, a null counted as present: readers differ in what they make of it.
struct Shape {
    bool config = false;
    bool layers = false;
    bool manifests = false;
    bool schema1 = false;
};

Shape shapeOf(const StrictJson& document) {
    Shape shape;
    for (const auto& [key, value] : document.members()) {
        shape.config = shape.config || key == "config";
        shape.layers = shape.layers || key == "layers";
        shape.manifests = shape.manifests || key == "manifests";
        shape.schema1 = shape.schema1 || key == "fsLayers" || key == "history" || key == "signatures";
    }
    return shape;
}

[[noreturn]] void refuse(const std::string& why) {
    throw Error(Invalid, "manifest: " + why);
}

void checkSchema(const StrictJson& document, const Shape& shape, const std::string& contentType,
                 const std::string& bodyType) {
    const auto version = document.find("schemaVersion");
    const bool isFirst = version && version->asUnsigned() == 1;
    if (isFirst || shape.schema1 || media::isSchema1(contentType) || media::isSchema1(bodyType))
        throw Error(Invalid, "manifest: Docker schema 1 is not supported",
                    "push the image again with a current tool, in OCI or Docker schema 2 format");
    if (version && version->asUnsigned() != 2) version->fail("2");
}

/// The media type that decides, from body, Content-Type and shape in this order.
std::string classify(const Shape& shape, const std::string& contentType, const std::string& bodyType) {
    const bool typed = media::isManifest(contentType) || media::isImageIndex(contentType);
    if (!bodyType.empty()) {
        if (!media::isManifest(bodyType) && !media::isImageIndex(bodyType))
            refuse("mediaType '" + printable(bodyType) + "' is neither an image manifest nor an image index");
        if (typed && contentType != bodyType)
            refuse("mediaType '" + bodyType + "' differs from the Content-Type '" + contentType + "'");
        return bodyType;
    }
    if (typed) return contentType;
    if (shape.manifests) return media::OciIndex;
    if (shape.layers) return media::OciManifest;
    refuse("it has neither layers nor manifests");
}

} // namespace

std::variant<Manifest, ImageIndex> parseManifest(std::string_view bytes, std::string_view contentType,
                                                 const ManifestLimits& limits) {
    StrictJson::Limits jsonLimits;
    jsonLimits.bytes = limits.bytes;
    jsonLimits.depth = limits.depth;
    const auto document = StrictJson::parse(bytes, "manifest", Invalid, jsonLimits);
    if (!document.isObject()) document.fail("an object");
    DescriptorReader::checkSpelling(document, KnownKeys, std::size(KnownKeys));

    const Shape shape = shapeOf(document);
    const auto declared = document.find("mediaType");
    const std::string bodyType = declared ? declared->asString() : "";
    if (declared && bodyType.empty()) declared->fail("a media type");
    const std::string httpType = media::essence(contentType);
    checkSchema(document, shape, httpType, bodyType);
    const std::string type = classify(shape, httpType, bodyType);

    const DescriptorReader reader(limits.descriptors);
    if (media::isImageIndex(type)) {
        if (shape.layers || shape.config) refuse("an image index that also has layers or config");
        if (!shape.manifests) refuse("an image index without manifests");
        return ImageIndex{type, document.stringOr("artifactType", ""), reader.list(document, "manifests"),
                          DescriptorReader::annotations(document)};
    }
    if (shape.manifests) refuse("an image manifest that also has manifests");
    if (!shape.layers) refuse("an image manifest without layers");
    Manifest manifest;
    manifest.mediaType = type;
    manifest.artifactType = document.stringOr("artifactType", "");
    manifest.config = reader.one(document.at("config"));
    manifest.layers = reader.list(document, "layers");
    if (const auto subject = document.find("subject")) manifest.subject = reader.one(*subject);
    manifest.annotations = DescriptorReader::annotations(document);
    return manifest;
}

} // namespace wasmproxy
