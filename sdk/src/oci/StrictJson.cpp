// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/StrictJson.h"

#include "wasmproxy/oci/Error.h"

#include "JsonBuilder.h"
#include "Printable.h"

#include <charconv>
#include <cmath>

namespace wasmproxy {

namespace {

void appendQuoted(std::string& out, std::string_view text) {
    static const char hex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (byte < 0x20) {
            out.append("\\u00").append({hex[byte >> 4], hex[byte & 15]});
        } else {
            out += c;
        }
    }
    out += '"';
}

} // namespace

StrictJson::StrictJson(std::shared_ptr<const Document> document, const Node* node, std::string path)
    : _document(std::move(document)), _node(node), _path(std::move(path)) {}

StrictJson StrictJson::parse(std::string_view text, std::string what, ErrorCode code) {
    return parse(text, std::move(what), code, Limits());
}

StrictJson StrictJson::parse(std::string_view text, std::string what, ErrorCode code, const Limits& limits) {
    auto document = std::make_shared<Document>();
    document->what = std::move(what);
    document->code = code;
    Builder::read(text, limits, *document);
    const Node* root = &document->root;
    return {std::move(document), root, ""};
}

bool StrictJson::isObject() const {
    return _node->type == Node::Type::Object;
}
bool StrictJson::isArray() const {
    return _node->type == Node::Type::Array;
}
bool StrictJson::isString() const {
    return _node->type == Node::Type::String;
}
bool StrictJson::isNull() const {
    return _node->type == Node::Type::Null;
}

StrictJson StrictJson::child(const Node& node, const std::string& key) const {
    return {_document, &node, _path.empty() ? printable(key) : _path + "." + printable(key)};
}

std::optional<StrictJson> StrictJson::find(const std::string& key) const {
    if (!isObject()) fail("an object");
    const Node* node = _node->find(key);
    if (!node || node->type == Node::Type::Null) return {};
    return child(*node, key);
}

StrictJson StrictJson::at(const std::string& key) const {
    auto found = find(key);
    if (!found) fail("an object with '" + printable(key) + "'");
    return *found;
}

std::string StrictJson::asString() const {
    if (!isString()) fail("a string");
    return _node->text;
}

std::uint64_t StrictJson::asUnsigned(std::uint64_t max) const {
    std::uint64_t value = 0;
    const char* const end = _node->text.data() + _node->text.size();
    const bool number = _node->type == Node::Type::Number;
    const auto result = std::from_chars(_node->text.data(), number ? end : _node->text.data(), value);
    if (!number || result.ec != std::errc() || result.ptr != end || value > max)
        fail("an integer from 0 to " + std::to_string(max));
    return value;
}

double StrictJson::asNumber() const {
    if (_node->type != Node::Type::Number) fail("a number");
    double value = 0;
    const char* const end = _node->text.data() + _node->text.size();
    const auto result = std::from_chars(_node->text.data(), end, value);
    if (result.ec != std::errc() || result.ptr != end || !std::isfinite(value)) fail("a number in range");
    return value;
}

bool StrictJson::asBool() const {
    if (_node->type != Node::Type::Boolean) fail("true or false");
    return _node->boolean;
}

std::vector<StrictJson> StrictJson::items() const {
    if (!isArray()) fail("an array");
    std::vector<StrictJson> result;
    result.reserve(_node->items.size());
    for (const Node& node : _node->items)
        result.push_back(StrictJson(_document, &node, _path + "[" + std::to_string(result.size()) + "]"));
    return result;
}

std::vector<std::pair<std::string, StrictJson>> StrictJson::members() const {
    if (!isObject()) fail("an object");
    std::vector<std::pair<std::string, StrictJson>> result;
    result.reserve(_node->items.size());
    for (std::size_t i = 0; i < _node->items.size(); ++i)
        result.emplace_back(_node->keys[i], child(_node->items[i], _node->keys[i]));
    return result;
}

std::string StrictJson::str() const {
    std::string out;
    append(out, *_node);
    return out;
}

void StrictJson::append(std::string& out, const Node& node) { // as deep as Limits allowed
    switch (node.type) {
    case Node::Type::Null:
        out += "null";
        break;
    case Node::Type::Boolean:
        out += node.boolean ? "true" : "false";
        break;
    case Node::Type::Number:
        out += node.text;
        break;
    case Node::Type::String:
        appendQuoted(out, node.text);
        break;
    case Node::Type::Array:
    case Node::Type::Object: {
        const bool object = node.type == Node::Type::Object;
        out += object ? '{' : '[';
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            if (i > 0) out += ',';
            if (object) {
                appendQuoted(out, node.keys[i]);
                out += ':';
            }
            append(out, node.items[i]);
        }
        out += object ? '}' : ']';
        break;
    }
    }
}

std::string StrictJson::stringOr(const std::string& key, const std::string& fallback) const {
    const auto found = find(key);
    return found ? found->asString() : fallback;
}

std::string StrictJson::path() const {
    return _path;
}

void StrictJson::fail(const std::string& expected) const {
    throw Error(_document->code, _document->what + ": " + (_path.empty() ? "the document" : _path) + " must be " +
                                     expected + ", it is " + _node->typeName());
}

} // namespace wasmproxy
