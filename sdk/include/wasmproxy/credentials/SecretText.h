// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include <string>

namespace wasmproxy {

/// A string that holds a secret while it is being built or read.
struct SecretText {
    std::string text;

    SecretText() = default;
    explicit SecretText(std::string value) : text(std::move(value)) {}
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    ~SecretText() { Secret::wipe(text); }
};

/// The content of a small file (1 MiB at most) that the setting, variable or file `key` names. Throws
/// Error{CredentialSourceFault} that names both.
Secret readSecretFile(const std::string& path, const std::string& key);

/// The same without white space at its ends; one that holds nothing else is an error, too.
Secret readTrimmedSecretFile(const std::string& path, const std::string& key);

} // namespace wasmproxy
