// SPDX-License-Identifier: Apache-2.0
#include "extensions/DocumentText.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include <cstdio>

namespace wasmproxy::host {

namespace {

using Kind = DocumentNode::Kind;

std::string numberText(double value) {
    char text[32];
    const bool whole =
        value >= -1e15 && value <= 1e15 && value == static_cast<double>(static_cast<std::int64_t>(value));
    std::snprintf(text, sizeof text, whole ? "%.0f" : "%.17g", value);
    return text;
}

/// What is no container, no text and not null.
DocumentNode scalar(const StrictJson& json) {
    DocumentNode node;
    try {
        node.text = json.asBool() ? "true" : "false";
        node.kind = Kind::Boolean;
        return node;
    } catch (const Error&) {
        node.kind = Kind::Number;
    }
    node.text = numberText(json.asNumber());
    return node;
}

DocumentNode convert(const StrictJson& json) {
    DocumentNode node;
    if (json.isNull()) return node;
    if (json.isString()) {
        node.kind = Kind::Text;
        node.text = json.asString();
    } else if (json.isArray()) {
        node.kind = Kind::List;
        for (const auto& item : json.items())
            node.items.push_back(convert(item));
    } else if (json.isObject()) {
        node.kind = Kind::Map;
        for (const auto& [key, value] : json.members())
            node.members.emplace_back(key, convert(value));
    } else {
        node = scalar(json);
    }
    return node;
}

} // namespace

DocumentNode readJson(std::string_view text, DocumentBudget& budget) {
    StrictJson::Limits limits;
    limits.depth = DocumentBudget::Depth;
    auto node = convert(StrictJson::parse(text, "the document", ErrorCode::SettingsInvalid, limits));
    budget.take(node);
    return node;
}

} // namespace wasmproxy::host
