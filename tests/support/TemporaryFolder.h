// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>

namespace wasmproxy::test {

/// A fresh folder, removed with all that is in it. Made when it is first asked for: CppUnit makes the fixtures of all
/// tests, whichever of them are run.
class TemporaryFolder {
public:
    TemporaryFolder() = default;
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::string& path() const;
    std::string operator/(const std::string& name) const { return path() + "/" + name; }
    /// Writes a file below the folder, with the folders on its way, and returns its path.
    std::string write(const std::string& name, const std::string& content, unsigned mode = 0600) const;

private:
    mutable std::once_flag _made;
    mutable std::string _path;
};

/// The whole of a file; throws std::runtime_error where it cannot be read.
std::string readFile(const std::string& path);

} // namespace wasmproxy::test
