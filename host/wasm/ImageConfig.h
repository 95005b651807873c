// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The paths that an image's config may start: the first word of Entrypoint and of Cmd, each as seen from the working
/// directory and from the root, normalised. Throws Error{ModuleUnusable} where the config is malformed or larger than
/// `maxBytes`. Source: OCI image-spec config.md.
std::vector<std::string> startPaths(Blob& config, std::uint64_t maxBytes);

} // namespace wasmproxy::host
