// SPDX-License-Identifier: Apache-2.0
#include "wasm/ImageFiles.h"

#include <string_view>

namespace wasmproxy::host {

namespace {

std::string_view baseOf(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

} // namespace

std::string ImageFile::baseName() const {
    return std::string(baseOf(entry.path));
}

void ImageFiles::startLayer(std::size_t layer) {
    _layer = layer;
    _current.clear();
    _currentByPath.clear();
    _currentDirectories.clear();
    _currentDevices.clear();
    _currentWhiteouts.clear();
    _currentOpaque.clear();
}

void ImageFiles::add(TarEntry entry, bool wasm) {
    if (entry.path.empty()) return;
    const std::string_view base = baseOf(entry.path);
    if (base.substr(0, 4) == ".wh.") {
        std::string folder = entry.path.substr(0, entry.path.size() - base.size());
        if (base == ".wh..wh..opq") {
            if (!folder.empty()) folder.pop_back();
            _currentOpaque.push_back(std::move(folder));
        } else if (base.substr(0, 8) != ".wh..wh.") { // others of that kind are a union file system's own notes
            _currentWhiteouts.push_back(folder + std::string(base.substr(4)));
        }
        return;
    }
    if (entry.kind == TarEntry::Kind::Directory) {
        _currentDirectories.push_back(std::move(entry.path));
    } else if (entry.kind == TarEntry::Kind::Other) {
        _currentDevices.push_back(std::move(entry.path));
    } else {
        const auto [at, fresh] = _currentByPath.emplace(entry.path, _current.size());
        if (!fresh) {
            _current[at->second].ambiguous = true;
            return;
        }
        _current.push_back({std::move(entry), _layer, wasm, false, false});
    }
}

void ImageFiles::addWhole(std::size_t layer, const std::string& title) {
    ImageFile file;
    file.entry.kind = TarEntry::Kind::File;
    file.entry.path = normalPath(title);
    file.layer = layer;
    file.wasm = true;
    file.whole = true;
    _visible.push_back(std::move(file));
}

bool ImageFiles::hidden(const std::string& path) const {
    if (_above.count(path) || _whiteouts.count(path) || _opaque.count("")) return true;
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const std::string folder = path.substr(0, slash);
        if (_whiteouts.count(folder) || _opaque.count(folder)) return true;
        const auto above = _above.find(folder);
        if (above != _above.end() && above->second == Above::Other) return true;
    }
    return false;
}

void ImageFiles::endLayer() {
    for (const auto& file : _current)
        if (!hidden(file.entry.path)) _visible.push_back(file);
    // Only now: a layer's whiteouts are for the layers below it. What was once no directory cut off all below it, even
    // where a layer further up has made a directory of it again.
    for (auto& path : _currentDirectories)
        _above.emplace(std::move(path), Above::Directory);
    for (const auto& path : _currentDevices)
        _above[path] = Above::Other;
    for (const auto& file : _current)
        _above[file.entry.path] = Above::Other;
    for (auto& path : _currentWhiteouts)
        _whiteouts.insert(std::move(path));
    for (auto& path : _currentOpaque)
        _opaque.insert(std::move(path));
}

} // namespace wasmproxy::host
