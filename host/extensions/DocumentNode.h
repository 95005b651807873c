// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wasmproxy::host {

/// A value of a YAML or JSON document, whatever it was written in. Keys of a map are unique and keep their order.
struct DocumentNode {
    enum class Kind { Null, Boolean, Number, Text, List, Map };

    Kind kind = Kind::Null;
    std::string text; ///< of Boolean, Number (as JSON writes it) and Text
    std::vector<DocumentNode> items;
    std::vector<std::pair<std::string, DocumentNode>> members;

    const DocumentNode* find(std::string_view key) const; ///< nullptr: absent or null
    const char* kindName() const;                         ///< "a list"
    std::string json() const;
};

/// What one file may become, however its aliases multiply it.
struct DocumentBudget {
    std::size_t nodes = 100'000;
    std::size_t bytes = 4u << 20;                               ///< of keys and texts
    void take(const DocumentNode& node, std::size_t depth = 0); ///< it and all below; throws Error{SettingsInvalid}

    static constexpr std::size_t Depth = 64;
};

/// `text` from outside for a message: its beginning, in plain ASCII.
std::string quotedStart(std::string_view text);

} // namespace wasmproxy::host
