// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"

#include <openssl/crypto.h>

namespace wasmproxy {

/// One JSON value as it was written; numbers stay text, so that no conversion can lie about them.
struct StrictJson::Node {
    enum class Type { Null, Boolean, Number, String, Array, Object };

    Type type = Type::Null;
    bool boolean = false;
    std::string text;              ///< of a String or Number
    std::vector<std::string> keys; ///< of an Object, one per item, all different
    std::vector<Node> items;       ///< of an Array or Object

    const Node* find(std::string_view key) const {
        for (std::size_t i = 0; i < keys.size(); ++i)
            if (keys[i] == key) return &items[i];
        return nullptr;
    }

    const char* typeName() const {
        switch (type) {
        case Type::Null:
            return "null";
        case Type::Boolean:
            return "true or false";
        case Type::Number:
            return "another number";
        case Type::String:
            return "a string";
        case Type::Array:
            return "an array";
        case Type::Object:
            return "an object";
        }
        return "unknown";
    }
};

struct StrictJson::Document {
    std::string what;
    ErrorCode code = ErrorCode::Internal;
    Node root;

    Document() = default;
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;
    ~Document() { wipe(root); } // tokens and passwords come in JSON, too

    static void wipe(Node& node) noexcept {
        if (node.type == Node::Type::String) OPENSSL_cleanse(node.text.data(), node.text.size());
        for (Node& item : node.items)
            wipe(item);
    }
};

} // namespace wasmproxy
