// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/ApiResource.h"

#include "wasmproxy/plugin/HttpUrl.h"

namespace wasmproxy::kubernetes {
namespace {

bool isLabel(std::string_view text) noexcept {
    const auto letterOrDigit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (text.empty() || !letterOrDigit(text.front()) || !letterOrDigit(text.back())) return false;
    for (const char c : text)
        if (!letterOrDigit(c) && c != '-') return false;
    return true;
}

} // namespace

std::string ApiResource::path() const {
    std::string result = group.empty() ? "/api/" + version : "/apis/" + percentEncode(group) + "/" + version;
    if (!nameSpace.empty()) result += "/namespaces/" + percentEncode(nameSpace);
    return result + "/" + percentEncode(plural);
}

std::string ApiResource::path(const std::string& name, const std::string& subresource) const {
    return path() + "/" + percentEncode(name) + (subresource.empty() ? "" : "/" + percentEncode(subresource));
}

std::string ApiResource::title(const std::string& name) const {
    return plural + (group.empty() ? "" : "." + group) + (name.empty() ? "" : " \"" + name + "\"") +
           (nameSpace.empty() ? "" : " of namespace " + nameSpace);
}

std::string ApiResource::rule(const std::string& verbs, const std::string& name, const std::string& subresource) const {
    return "{apiGroups: [\"" + group + "\"], resources: [" + plural + (subresource.empty() ? "" : "/" + subresource) +
           "]" + (name.empty() ? "" : ", resourceNames: [\"" + name + "\"]") + ", verbs: [" + verbs + "]}";
}

std::string Selection::query() const {
    std::string selector = name.empty() ? "" : "metadata.name=" + name;
    if (!fields.empty()) selector += (selector.empty() ? "" : ",") + fields;
    std::string result = selector.empty() ? "" : "fieldSelector=" + percentEncode(selector);
    if (!labels.empty()) result += (result.empty() ? "labelSelector=" : "&labelSelector=") + percentEncode(labels);
    return result;
}

bool isObjectName(std::string_view name) noexcept {
    if (name.size() > 253) return false;
    for (std::size_t begin = 0;;) {
        const std::size_t dot = name.find('.', begin);
        if (!isLabel(name.substr(begin, dot == std::string_view::npos ? dot : dot - begin))) return false;
        if (dot == std::string_view::npos) return true;
        begin = dot + 1;
    }
}

bool isNamespaceName(std::string_view name) noexcept {
    return name.size() <= 63 && isLabel(name);
}

} // namespace wasmproxy::kubernetes
