// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wasmproxy::vault {

/// A string that holds a secret while it is being built or read.
struct SecretText {
    std::string text;

    SecretText() = default;
    explicit SecretText(std::string value) : text(std::move(value)) {}
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    ~SecretText() { Secret::wipe(text); }
};

/// The content of a small file (1 MiB at most) without white space at its ends; `key` is the setting that names it.
/// Throws Error{CredentialSourceFault} that names both.
Secret readSecretFile(const std::string& path, const std::string& key);

/// `{"name":"value",…}`, built without leaving copies of the values behind.
Secret jsonObject(const std::vector<std::pair<std::string_view, std::string_view>>& members);

} // namespace wasmproxy::vault
