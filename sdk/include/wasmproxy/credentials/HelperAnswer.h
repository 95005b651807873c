// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Credential.h"

#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy {

/// What `docker-credential-NAME get` is asked with: the Hub's old index, or the registry's host.
std::string helperServer(const std::string& registryHost);

/// What it wrote and exited with 0: {"ServerURL": …, "Username": …, "Secret": …}; the user name `<token>` marks an
/// identity token. nullopt: it has none. Throws Error{CredentialSourceFault}, named by `what`, never with a value of
/// it.
std::optional<Credential> parseHelperAnswer(std::string_view text, const std::string& what);

/// What it wrote and failed with: is it the protocol's way to say that it has none?
bool saysNotFound(std::string_view text) noexcept;

/// The same as it may be shown: one printable line, short; empty where it may hold a secret (it looks like an answer).
std::string helperMessage(std::string_view text);

} // namespace wasmproxy
