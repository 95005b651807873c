// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/ErrorCode.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wasmproxy {

/// JSON that comes from outside, read strictly over Poco::JSON. Poco 1.11 alone turns 18446744073709551616 into 0, 1.5
/// into 1 and "123" into 123, takes the last of duplicate keys and cuts a key at \u0000; here each of those is an error
/// that names the path. Value type over shared immutable data, thread-safe.
class StrictJson {
public:
    struct Limits {
        std::size_t bytes = 1u << 20; ///< checked before parsing
        std::size_t depth = 32;
    };

    /// `what` names the document in errors ("token response of auth.example.com"); `code` is the Error's code.
    /// Refuses duplicate keys, NUL in strings, invalid UTF-8, trailing text and anything over the limits.
    static StrictJson parse(std::string_view text, std::string what, ErrorCode code, const Limits& limits);
    static StrictJson parse(std::string_view text, std::string what, ErrorCode code);

    bool isObject() const;
    bool isArray() const;
    bool isString() const;
    bool isNull() const;
    /// The member, or nullopt where it is absent or null. Throws where this is not an object.
    std::optional<StrictJson> find(const std::string& key) const;
    StrictJson at(const std::string& key) const; ///< throws where it is absent or null

    std::string asString() const;
    std::uint64_t asUnsigned(std::uint64_t max = std::uint64_t(1) << 53) const; ///< an integer 0..max, nothing else
    double asNumber() const;                                                    ///< an integer or a float
    bool asBool() const;
    std::vector<StrictJson> items() const;                           ///< of an array
    std::vector<std::pair<std::string, StrictJson>> members() const; ///< of an object

    std::string stringOr(const std::string& key, const std::string& fallback) const; ///< absent or null: fallback
    std::string str() const;  ///< as JSON text again; numbers as they were written
    std::string path() const; ///< where it stands, e.g. "layers[2].size"

    [[noreturn]] void fail(const std::string& expected) const; ///< throws an Error naming document and path

private:
    struct Node;
    struct Document;
    class Builder;
    StrictJson(std::shared_ptr<const Document> document, const Node* node, std::string path);
    static void append(std::string& out, const Node& node);
    StrictJson child(const Node& node, const std::string& key) const;
    std::shared_ptr<const Document> _document;
    const Node* _node; // inside *_document
    std::string _path;
};

} // namespace wasmproxy
