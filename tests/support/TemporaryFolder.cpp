// SPDX-License-Identifier: Apache-2.0
#include "support/TemporaryFolder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>

namespace wasmproxy::test {

const std::string& TemporaryFolder::path() const {
    std::call_once(_made, [this] {
        std::string pattern = (std::filesystem::temp_directory_path() / "wasm-proxy-test-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("cannot make a folder " + pattern + ": " + std::strerror(errno));
        _path = pattern;
    });
    return _path;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!_path.empty()) std::filesystem::remove_all(_path, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& content, unsigned mode) const {
    const std::filesystem::path file = std::filesystem::path(path()) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << content;
    out.close();
    if (!out || chmod(file.c_str(), static_cast<mode_t>(mode)) != 0)
        throw std::runtime_error("cannot write " + file.string());
    return file.string();
}

std::string readFile(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::ostringstream text; // not character by character: a sanitized plugin has ten million
    text << in.rdbuf();
    return text.str();
}

} // namespace wasmproxy::test
