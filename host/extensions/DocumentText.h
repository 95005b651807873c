// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/DocumentNode.h"

#include <string_view>
#include <vector>

namespace wasmproxy::host {

/// One document of a YAML stream, from its `---` line on.
struct YamlPart {
    std::string_view text; ///< inside the stream's text
    std::size_t line = 1;  ///< of its first line, from 1
};

/// Cuts a stream at its document markers, which stand at a line's beginning and nowhere inside a document: what is
/// wrong with one is not the others' fault. Parts of comments and directives alone are left out.
std::vector<YamlPart> splitYaml(std::string_view stream);

/// Strictly: one document, unique keys that are texts, no tags but `!!str`, aliases only to what is complete.
/// Throws Error{SettingsInvalid} that names the line in the stream.
DocumentNode readYaml(const YamlPart& part, DocumentBudget& budget);

/// The same of JSON.
DocumentNode readJson(std::string_view text, DocumentBudget& budget);

} // namespace wasmproxy::host
