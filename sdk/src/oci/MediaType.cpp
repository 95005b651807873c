// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/MediaType.h"

namespace wasmproxy::media {

std::string essence(std::string_view contentType) {
    auto value = contentType.substr(0, contentType.find(';'));
    const auto isSpace = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!value.empty() && isSpace(value.front()))
        value.remove_prefix(1);
    while (!value.empty() && isSpace(value.back()))
        value.remove_suffix(1);
    std::string result(value);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

bool isManifest(std::string_view mediaType) {
    return mediaType == OciManifest || mediaType == DockerManifest;
}

bool isImageIndex(std::string_view mediaType) {
    return mediaType == OciIndex || mediaType == DockerManifestList;
}

bool isSchema1(std::string_view mediaType) {
    return mediaType == DockerSchema1 || mediaType == DockerSchema1Signed;
}

const std::string& manifestAccept() {
    static const std::string accept =
        std::string(OciIndex) + ", " + DockerManifestList + ", " + OciManifest + ", " + DockerManifest;
    return accept;
}

} // namespace wasmproxy::media
