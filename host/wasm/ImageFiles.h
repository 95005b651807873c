// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/TarReader.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace wasmproxy::host {

/// A file or link of an image, as a container of it would see it.
struct ImageFile {
    TarEntry entry;
    std::size_t layer = 0;  ///< which layer of the manifest
    bool wasm = false;      ///< its bytes begin with wasm's magic
    bool ambiguous = false; ///< its layer has that path more than once
    bool whole = false;     ///< it is the layer itself

    std::string baseName() const;
};

/// The files of an image's layers, added from the top layer down: what an upper layer has, replaces or whites out hides
/// the same path in the layers below. Source: OCI image-spec layer.md#applying-changesets.
class ImageFiles {
public:
    void startLayer(std::size_t layer);
    void add(TarEntry entry, bool wasm); ///< `wasm`: its bytes begin with the magic
    void endLayer();
    /// A layer that is no archive but the module itself (what oras pushes); `title` is its name, or empty.
    void addWhole(std::size_t layer, const std::string& title);

    /// Visible files and links, upper layers first. Directories and devices are not among them.
    const std::vector<ImageFile>& visible() const { return _visible; }

private:
    enum class Above { Directory, Other };

    bool hidden(const std::string& path) const;

    std::size_t _layer = 0;
    std::vector<ImageFile> _current;
    std::unordered_map<std::string, std::size_t> _currentByPath; ///< into _current
    std::vector<std::string> _currentDirectories;
    std::vector<std::string> _currentDevices;
    std::vector<std::string> _currentWhiteouts;
    std::vector<std::string> _currentOpaque;

    std::unordered_map<std::string, Above> _above;
    std::unordered_set<std::string> _whiteouts;
    std::unordered_set<std::string> _opaque; ///< directories; "" is the root
    std::vector<ImageFile> _visible;
};

} // namespace wasmproxy::host
