// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionReader.h"

#include "extensions/DocumentText.h"
#include "extensions/ExtensionSpec.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr const char* Tetrate = "extension.tsb.tetrate.io/v2";
constexpr const char* Ours = "extension.wasmproxy.io/v1alpha1";

/// nullopt: an empty document.
std::optional<ExtensionDocument> judge(const DocumentNode& node, const std::string& origin) {
    if (node.kind == DocumentNode::Kind::Null) return {};
    ExtensionDocument document{{}, origin, nullptr, {}};
    if (node.kind != DocumentNode::Kind::Map) {
        document.problems.push_back(
            {"", std::string("must be a map with apiVersion, kind, metadata and spec, not ") + node.kindName()});
        return document;
    }
    const ExtensionFields fields(node, "", document.problems);
    Extension extension;
    extension.origin = origin;
    if (const auto* metadata = fields.map("metadata")) {
        const ExtensionFields inside(*metadata, "metadata", document.problems);
        extension.name = inside.text("name");
        if (isDnsSubdomain(extension.name))
            document.name = extension.name;
        else if (document.problems.empty())
            inside.problem("name", extension.name.empty()
                                       ? "is missing"
                                       : "must be a DNS name of lower-case letters, digits, '-' and '.'");
    } else if (document.problems.empty()) {
        fields.problem("metadata.name", "is missing");
    }
    // What it is comes first: the fields of something else mean nothing here.
    const std::size_t before = document.problems.size();
    if (fields.oneOf("kind", {"WasmExtension"}).empty() && document.problems.size() == before)
        fields.problem("kind", "must be WasmExtension");
    const auto version = fields.oneOf("apiVersion", {Tetrate, Ours});
    if (version.empty() && document.problems.size() == before)
        fields.problem("apiVersion", std::string("must be ") + Tetrate + " or " + Ours);
    if (document.problems.size() != before) return document;

    fields.refuseOthers({"apiVersion", "kind", "metadata", "spec"}, {"status"});
    const auto* spec = fields.map("spec");
    if (spec)
        readExtensionSpec(*spec, extension, document.problems);
    else if (document.problems.size() == before)
        fields.problem("spec", "is missing");
    if (document.problems.empty()) document.extension = std::make_shared<const Extension>(std::move(extension));
    return document;
}

ExtensionDocument unreadable(const std::string& origin, const std::string& message) {
    return {{}, origin, nullptr, {{"", message}}};
}

} // namespace

bool isDnsSubdomain(std::string_view name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (name.empty() || name.size() > 253 || !plain(name.front()) || !plain(name.back())) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (plain(name[i]) || name[i] == '-') continue;
        if (name[i] != '.' || !plain(name[i - 1]) || !plain(name[i + 1])) return false;
    }
    return true;
}

std::vector<ExtensionDocument> readExtensions(std::string_view text, DocumentFormat format, const std::string& origin) {
    std::vector<ExtensionDocument> documents;
    if (text.size() > MaxExtensionFile) return {unreadable(origin, "the file is larger than 1 MiB")};
    DocumentBudget budget;
    const auto read = [&](const std::string& place, const auto& parse) {
        try {
            if (auto document = judge(parse(), place)) documents.push_back(std::move(*document));
        } catch (const Error& e) {
            documents.push_back(unreadable(place, e.what()));
        }
    };
    if (format == DocumentFormat::Json) {
        read(origin, [&] { return readJson(text, budget); });
        return documents;
    }
    const auto parts = splitYaml(text);
    for (std::size_t i = 0; i < std::min(parts.size(), MaxExtensionsInFile); ++i)
        read(i == 0 ? origin : origin + " (document " + std::to_string(i + 1) + ")",
             [&] { return readYaml(parts[i], budget); });
    if (parts.size() > MaxExtensionsInFile)
        documents.push_back(unreadable(origin, "the file has more than 1000 documents; the rest is left out"));
    return documents;
}

} // namespace wasmproxy::host
