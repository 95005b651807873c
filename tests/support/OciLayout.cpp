// SPDX-License-Identifier: Apache-2.0
#include "support/OciLayout.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <openssl/evp.h>
#include <sstream>
#include <stdexcept>

namespace wasmproxy::test {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

std::string textOf(const Object& object) {
    std::ostringstream out;
    object.stringify(out);
    return out.str();
}

Object annotationsOf(const std::map<std::string, std::string>& annotations) {
    Object result;
    for (const auto& [key, value] : annotations)
        result.set(key, value);
    return result;
}

Object descriptorOf(const std::string& mediaType, const std::string& digest, std::size_t size) {
    Object descriptor(Poco::JSON_PRESERVE_KEY_ORDER);
    descriptor.set("mediaType", mediaType);
    descriptor.set("digest", digest);
    descriptor.set("size", static_cast<Poco::UInt64>(size));
    return descriptor;
}

void writeFile(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << bytes;
    out.close();
    if (!out) throw std::runtime_error("cannot write " + path.string());
}

} // namespace

std::string sha256Hex(const std::string& bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
    static constexpr char Digits[] = "0123456789abcdef";
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
        hex += Digits[digest[i] >> 4];
        hex += Digits[digest[i] & 0xf];
    }
    return hex;
}

OciLayout::OciLayout(std::string folder) : _path(std::move(folder)) {
    writeFile(_path + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
}

std::string OciLayout::addBlob(const std::string& bytes) {
    const std::string hex = sha256Hex(bytes);
    writeFile(_path + "/blobs/sha256/" + hex, bytes);
    return "sha256:" + hex;
}

WrittenManifest OciLayout::writeImage(const ImageContent& image) {
    WrittenManifest written;
    written.mediaType = image.mediaType;
    written.configDigest = addBlob(image.config);
    Object manifest(Poco::JSON_PRESERVE_KEY_ORDER);
    manifest.set("schemaVersion", 2);
    manifest.set("mediaType", image.mediaType);
    if (!image.artifactType.empty()) manifest.set("artifactType", image.artifactType);
    manifest.set("config", descriptorOf(image.configMediaType, written.configDigest, image.config.size()));
    Array layers;
    for (const auto& layer : image.layers) {
        written.layerDigests.push_back(addBlob(layer.bytes));
        Object descriptor = descriptorOf(layer.mediaType, written.layerDigests.back(), layer.bytes.size());
        if (!layer.annotations.empty()) descriptor.set("annotations", annotationsOf(layer.annotations));
        layers.add(descriptor);
    }
    manifest.set("layers", layers);
    if (!image.annotations.empty()) manifest.set("annotations", annotationsOf(image.annotations));
    written.bytes = textOf(manifest);
    written.digest = addBlob(written.bytes);
    return written;
}

WrittenManifest OciLayout::addImage(const ImageContent& image, const std::string& tag) {
    WrittenManifest written = writeImage(image);
    tagManifest(written, tag);
    return written;
}

WrittenManifest OciLayout::addIndex(const std::vector<ChildImage>& children, const std::string& tag,
                                    const std::string& mediaType) {
    WrittenManifest written;
    written.mediaType = mediaType;
    Array manifests;
    for (const auto& child : children) {
        const WrittenManifest manifest = writeImage(child.image);
        Object descriptor = descriptorOf(manifest.mediaType, manifest.digest, manifest.bytes.size());
        if (!child.os.empty()) {
            Object platform(Poco::JSON_PRESERVE_KEY_ORDER);
            platform.set("architecture", child.architecture);
            platform.set("os", child.os);
            if (!child.variant.empty()) platform.set("variant", child.variant);
            descriptor.set("platform", platform);
        }
        manifests.add(descriptor);
        written.manifests.push_back(manifest);
    }
    Object index(Poco::JSON_PRESERVE_KEY_ORDER);
    index.set("schemaVersion", 2);
    index.set("mediaType", mediaType);
    index.set("manifests", manifests);
    written.bytes = textOf(index);
    written.digest = addBlob(written.bytes);
    tagManifest(written, tag);
    return written;
}

WrittenManifest OciLayout::addManifest(const std::string& bytes, const std::string& mediaType, const std::string& tag) {
    WrittenManifest written;
    written.bytes = bytes;
    written.mediaType = mediaType;
    written.digest = addBlob(bytes);
    tagManifest(written, tag);
    return written;
}

void OciLayout::tagManifest(const WrittenManifest& manifest, const std::string& tag) {
    _tags.erase(std::remove_if(_tags.begin(), _tags.end(), [&](const auto& entry) { return entry.first == tag; }),
                _tags.end());
    _tags.emplace_back(tag, manifest);
    Array manifests;
    for (const auto& [name, tagged] : _tags) {
        Object descriptor = descriptorOf(tagged.mediaType, tagged.digest, tagged.bytes.size());
        descriptor.set("annotations", annotationsOf({{"org.opencontainers.image.ref.name", name}}));
        manifests.add(descriptor);
    }
    Object index(Poco::JSON_PRESERVE_KEY_ORDER);
    index.set("schemaVersion", 2);
    index.set("manifests", manifests);
    writeFile(_path + "/index.json", textOf(index));
}

} // namespace wasmproxy::test
