// SPDX-License-Identifier: Apache-2.0
#include "extensions/DocumentNode.h"

#include "wasmproxy/oci/Error.h"

#include <cstdio>

namespace wasmproxy::host {

namespace {

constexpr std::size_t LongestQuote = 64;

void writeText(const std::string& text, std::string& out) {
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
            out += escaped;
        } else {
            out += c;
        }
    }
    out += '"';
}

void write(const DocumentNode& node, std::string& out) {
    using Kind = DocumentNode::Kind;
    const char* between = "";
    switch (node.kind) {
    case Kind::Null:
        out += "null";
        return;
    case Kind::Boolean:
    case Kind::Number:
        out += node.text;
        return;
    case Kind::Text:
        writeText(node.text, out);
        return;
    case Kind::List:
        out += '[';
        for (const auto& item : node.items) {
            out += between;
            write(item, out);
            between = ",";
        }
        out += ']';
        return;
    case Kind::Map:
        out += '{';
        for (const auto& [key, value] : node.members) {
            out += between;
            writeText(key, out);
            out += ':';
            write(value, out);
            between = ",";
        }
        out += '}';
        return;
    }
}

} // namespace

const DocumentNode* DocumentNode::find(std::string_view key) const {
    for (const auto& [name, value] : members)
        if (name == key) return value.kind == Kind::Null ? nullptr : &value;
    return nullptr;
}

const char* DocumentNode::kindName() const {
    switch (kind) {
    case Kind::Null:
        return "nothing";
    case Kind::Boolean:
        return "true or false";
    case Kind::Number:
        return "a number";
    case Kind::Text:
        return "a text";
    case Kind::List:
        return "a list";
    case Kind::Map:
        break;
    }
    return "a map";
}

std::string DocumentNode::json() const {
    std::string out;
    write(*this, out);
    return out;
}

void DocumentBudget::take(const DocumentNode& node, std::size_t depth) {
    std::size_t size = node.text.size();
    for (const auto& member : node.members)
        size += member.first.size();
    if (depth > Depth) throw Error(ErrorCode::SettingsInvalid, "it is nested more than 64 deep");
    if (nodes == 0 || size > bytes)
        throw Error(ErrorCode::SettingsInvalid, "the file has more than 100000 values or 4 MiB of text, counting "
                                                "each use of an alias");
    --nodes;
    bytes -= size;
    for (const auto& item : node.items)
        take(item, depth + 1);
    for (const auto& member : node.members)
        take(member.second, depth + 1);
}

std::string quotedStart(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, LongestQuote))
        out += c >= ' ' && c <= '~' ? c : '?';
    return out + (text.size() > LongestQuote ? "…'" : "'");
}

} // namespace wasmproxy::host
