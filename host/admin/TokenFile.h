// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/FileStamp.h"

#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Bearer tokens, one per line, each with a name before it if wanted ("alice: 4f9c…"); '#' starts a comment. Two lines
/// while a token is replaced. Read again when the file changes; while it cannot be used nobody is let in by it, and the
/// log says why. Only digests are kept. Thread-safe.
class TokenFile {
public:
    static constexpr std::size_t MinLength = 16;
    static constexpr std::size_t MaxTokens = 64;

    /// Throws Error{SettingsInvalid} that begins with `key`, the setting's name, where the file cannot be used.
    TokenFile(std::string key, std::string path, std::string defaultName);

    /// The name of `token`; nullopt: it is none of these. Takes the same time whichever it is.
    std::optional<std::string> nameOf(const std::string& token);

    static std::array<unsigned char, 32> digestOf(const std::string& token);

private:
    struct Known {
        std::string name;
        std::array<unsigned char, 32> digest;
    };

    std::vector<Known> read() const;
    void refresh();

    const std::string _key;
    const std::string _path;
    const std::string _defaultName;
    std::mutex _mutex;
    FileStamp _stamp;
    std::vector<Known> _known;
};

} // namespace wasmproxy::host
