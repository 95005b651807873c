// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::test {

/// A fresh folder, removed with all that is in it.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::string& path() const noexcept { return _path; }
    std::string operator/(const std::string& name) const { return _path + "/" + name; }
    /// Writes a file below the folder, with the folders on its way, and returns its path.
    std::string write(const std::string& name, const std::string& content, unsigned mode = 0600) const;

private:
    std::string _path;
};

/// The whole of a file; throws std::runtime_error where it cannot be read.
std::string readFile(const std::string& path);

} // namespace wasmproxy::test
