// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy::media {

inline constexpr const char* OciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* OciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* DockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr const char* DockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr const char* DockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
inline constexpr const char* Wasm = "application/wasm";
inline constexpr const char* OctetStream = "application/octet-stream";

/// The value without parameters and surrounding space, lower-cased: `A/B; charset=utf-8` -> `a/b`.
std::string essence(std::string_view contentType);
bool isManifest(std::string_view mediaType);   ///< OCI or Docker v2 image manifest
bool isImageIndex(std::string_view mediaType); ///< OCI index or Docker manifest list
bool isSchema1(std::string_view mediaType);
/// The four manifest types in one Accept value, index types first.
const std::string& manifestAccept();

} // namespace wasmproxy::media
