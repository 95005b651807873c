// SPDX-License-Identifier: Apache-2.0
#include "admin/ModuleRequest.h"

#include "admin/Refusal.h"

#include <Poco/String.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

bool hasScheme(const std::string& text, const std::string& scheme) {
    return Poco::icompare(text, 0, scheme.size(), scheme) == 0;
}

} // namespace

ModuleRequest ModuleRequest::parse(const std::string& reference, const std::string& extension) {
    if (reference.empty() == extension.empty())
        throw Refusal::invalid("give either a reference (oci://host/repository:tag, or the http(s) url of an "
                               "Extension) or the name of an extension");
    ModuleRequest request;
    if (!extension.empty()) {
        request.kind = Kind::Extension;
        request.text = extension;
    } else if (hasScheme(reference, "http://") || hasScheme(reference, "https://")) {
        request.kind = Kind::Url;
        request.text = reference;
    } else {
        request.reference = parseReference(reference);
        request.text = request.reference.str();
    }
    return request;
}

std::string ModuleRequest::named() const {
    if (kind != Kind::Url) return text;
    const auto host = text.find("//") + 2;
    const auto path = std::min(text.find_first_of("/?#", host), text.size());
    const auto user = text.rfind('@', path);
    const auto plain = text.substr(0, text.find_first_of("?#"));
    return user == std::string::npos || user < host ? plain : plain.substr(0, host) + plain.substr(user + 1);
}

void ModuleRequest::ask(ModuleService& modules, const Caller& caller, ModuleCallback callback) const {
    switch (kind) {
    case Kind::Artifact:
        return modules.byReference(reference, {}, caller, std::move(callback));
    case Kind::Url:
        return modules.byUrl(text, {}, caller, std::move(callback));
    case Kind::Extension:
        return modules.byExtension(text, std::nullopt, caller, std::move(callback));
    }
}

Reference parseReference(const std::string& text) {
    if (hasScheme(text, "http://") || hasScheme(text, "https://"))
        throw Refusal::invalid("only what a registry holds can be named here, as host/repository:tag");
    return Reference::parse(hasScheme(text, "oci://") ? text.substr(6) : text);
}

} // namespace wasmproxy::host
