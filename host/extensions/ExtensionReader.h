// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"

#include <string_view>

namespace wasmproxy::host {

enum class DocumentFormat { Yaml, Json };

/// All WasmExtension documents of a file, or one of an API server: `extension.tsb.tetrate.io/v2`, as Tetrate's are, and
/// `extension.wasmproxy.io/v1alpha1`, which has `sha256` more. A YAML stream may hold several; each is judged by
/// itself. Problems name the field; no text of `config`, `vmConfig` or a refused url is ever in one. Never throws for
/// what stands in `text`.
std::vector<ExtensionDocument> readExtensions(std::string_view text, DocumentFormat format, const std::string& origin);

constexpr std::size_t MaxExtensionFile = 1u << 20;
constexpr std::size_t MaxExtensionsInFile = 1000;

/// What Kubernetes lets Secrets and Extensions be named.
bool isDnsSubdomain(std::string_view name);

} // namespace wasmproxy::host
