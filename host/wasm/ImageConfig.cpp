// SPDX-License-Identifier: Apache-2.0
#include "wasm/ImageConfig.h"

#include "wasm/TarReader.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

namespace wasmproxy::host {

namespace {

std::string readAll(Blob& config, std::uint64_t maxBytes) {
    if (config.size() > maxBytes)
        throw Error(ErrorCode::ModuleUnusable,
                    "the image's config is larger than " + std::to_string(maxBytes) + " bytes");
    std::string text(static_cast<std::size_t>(config.size()), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const std::size_t count = config.read(have, &text[have], text.size() - have);
        if (count == 0) throw Error(ErrorCode::StorageFault, "a cached blob ends before its size");
        have += count;
    }
    return text;
}

} // namespace

std::vector<std::string> startPaths(Blob& config, std::uint64_t maxBytes) {
    StrictJson::Limits limits;
    limits.bytes = static_cast<std::size_t>(maxBytes);
    const StrictJson document =
        StrictJson::parse(readAll(config, maxBytes), "the image's config", ErrorCode::ModuleUnusable, limits);
    std::vector<std::string> paths;
    const auto settings = document.find("config");
    if (!settings) return paths;
    const std::string folder = settings->stringOr("WorkingDir", "");
    for (const char* key : {"Entrypoint", "Cmd"}) {
        const auto words = settings->find(key);
        if (!words) continue;
        const auto items = words->items();
        if (items.empty()) continue;
        const std::string first = items.front().asString();
        if (first.empty()) continue;
        if (first.front() != '/' && !folder.empty()) paths.push_back(normalPath(folder + "/" + first));
        paths.push_back(normalPath(first));
    }
    return paths;
}

} // namespace wasmproxy::host
