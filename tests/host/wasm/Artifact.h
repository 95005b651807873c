// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ArchiveBuilder.h"
#include "MemoryBlob.h"
#include "wasm/ModuleFinder.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/MediaType.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <string>
#include <vector>

namespace wasmproxy::host {

namespace type {
inline constexpr const char* OciTarGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr const char* OciTarZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr const char* OciTar = "application/vnd.oci.image.layer.v1.tar";
inline constexpr const char* DockerTarGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr const char* OciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* DockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr const char* Solo = "application/vnd.module.wasm.content.layer.v1+wasm";
inline constexpr const char* SoloConfig = "application/vnd.module.wasm.config.v1+json";
inline constexpr const char* WasmToOci = "application/vnd.wasm.content.layer.v1+wasm";
inline constexpr const char* Runwasi = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
} // namespace type

/// An artifact in memory, and what findModule makes of it.
class Artifact {
public:
    Artifact() { manifest.mediaType = media::OciManifest; }

    Artifact& layer(const std::string& mediaType, const std::string& bytes) {
        return blob(mediaType, std::make_shared<MemoryBlob>(bytes), Digest::of(bytes));
    }
    Artifact& blob(const std::string& mediaType, std::shared_ptr<MemoryBlob> content, const Digest& digest) {
        Descriptor descriptor;
        descriptor.mediaType = mediaType;
        descriptor.digest = digest;
        descriptor.size = content->size();
        manifest.layers.push_back(descriptor);
        _contents[digest] = std::move(content);
        return *this;
    }
    Artifact& title(const std::string& name) {
        manifest.layers.back().annotations["org.opencontainers.image.title"] = name;
        return *this;
    }
    Artifact& config(const std::string& mediaType, const std::string& json = "{}") {
        manifest.config.mediaType = mediaType;
        manifest.config.digest = Digest::of(json);
        manifest.config.size = json.size();
        _contents[manifest.config.digest] = std::make_shared<MemoryBlob>(json);
        return *this;
    }
    Artifact& docker() {
        manifest.mediaType = media::DockerManifest;
        return config(type::DockerConfig);
    }

    FoundModule find() {
        module.clear();
        opened.clear();
        return findModule(
            manifest,
            [this](const Descriptor& descriptor) {
                opened.push_back(descriptor.digest);
                return std::make_unique<MemoryBlob>(*_contents.at(descriptor.digest));
            },
            [this](const char* bytes, std::size_t size) { module.append(bytes, size); }, limits);
    }
    /// The words with which it is refused; a failed test where it is not.
    std::string refusal() {
        try {
            const FoundModule found = find();
            CPPUNIT_FAIL("taken as " + found.layout + " at " + found.entry);
        } catch (const Error& error) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(error.what(), int(ErrorCode::ModuleUnusable), int(error.code()));
            return error.what();
        }
        return {};
    }

    Manifest manifest;
    ModuleLimits limits;
    std::string module;
    std::vector<Digest> opened;

private:
    std::map<Digest, std::shared_ptr<MemoryBlob>> _contents;
};

inline void assertContains(const std::string& part, const std::string& whole) {
    CPPUNIT_ASSERT_MESSAGE("wanted \"" + part + "\" in: " + whole, whole.find(part) != std::string::npos);
}

/// Found, in that layout and at that path, with exactly those bytes.
inline void assertFound(Artifact& artifact, const std::string& layout, const std::string& entry,
                        const std::string& bytes) {
    const FoundModule found = artifact.find();
    CPPUNIT_ASSERT_EQUAL(layout, found.layout);
    CPPUNIT_ASSERT_EQUAL(entry, found.entry);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t(bytes.size()), found.size);
    CPPUNIT_ASSERT(bytes == artifact.module);
}

} // namespace wasmproxy::host
