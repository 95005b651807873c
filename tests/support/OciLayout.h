// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::test {

/// What an image is made of. The defaults are an OCI image manifest.
struct ImageContent {
    struct Layer {
        std::string mediaType;
        std::string bytes;
        std::map<std::string, std::string> annotations = {};
    };

    std::vector<Layer> layers;
    std::string configMediaType = "application/vnd.oci.image.config.v1+json";
    std::string config = "{}";
    std::string mediaType = "application/vnd.oci.image.manifest.v1+json";
    std::string artifactType = {};
    std::map<std::string, std::string> annotations = {};
};

/// Where an image of an index runs; empty `os`: the child has no platform.
struct ChildImage {
    ImageContent image;
    std::string os;
    std::string architecture;
    std::string variant = {};
};

struct WrittenManifest {
    std::string digest; ///< "sha256:…"
    std::string bytes;
    std::string mediaType;
    std::string configDigest;
    std::vector<std::string> layerDigests;  ///< of an image
    std::vector<WrittenManifest> manifests; ///< of an index
};

/// An OCI image layout folder that tests fill and skopeo reads. Every add also rewrites `index.json`.
class OciLayout {
public:
    explicit OciLayout(std::string folder); ///< made if it is not there

    const std::string& path() const noexcept { return _path; }
    WrittenManifest addImage(const ImageContent& image, const std::string& tag);
    WrittenManifest addIndex(const std::vector<ChildImage>& children, const std::string& tag,
                             const std::string& mediaType = "application/vnd.oci.image.index.v1+json");
    /// Any bytes as a manifest, right or wrong.
    WrittenManifest addManifest(const std::string& bytes, const std::string& mediaType, const std::string& tag);
    std::string addBlob(const std::string& bytes); ///< its digest

private:
    WrittenManifest writeImage(const ImageContent& image);
    void tagManifest(const WrittenManifest& manifest, const std::string& tag);

    std::string _path;
    std::vector<std::pair<std::string, WrittenManifest>> _tags;
};

std::string sha256Hex(const std::string& bytes);

} // namespace wasmproxy::test
