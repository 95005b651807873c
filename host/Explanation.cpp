// SPDX-License-Identifier: Apache-2.0
#include "Explanation.h"

#include "Components.h"
#include "pull/ModulePuller.h"

namespace wasmproxy::host {
namespace {

constexpr std::chrono::seconds Patience{30}; // per question to a registry

void showError(std::ostream& out, const Error& error) {
    out << traitsOf(error.code()).name << ": " << error.what() << "\n";
    if (!error.hint().empty()) out << "               hint: " << error.hint() << "\n";
}

bool askWith(const Credential& credential, const Route& route, const Reference& reference, std::ostream& out) {
    out << "  " << credential.name << "\n    registry:  ";
    try {
        Call call("explain", Call::Clock::now() + Patience);
        const auto found = route.backend->resolve(call, reference, credential);
        if (!found) {
            out << "says there is no " << reference.str() << "\n";
            return false;
        }
        out << "accepted; " << found->digest.str();
        if (!found->mediaType.empty()) out << ", " << found->mediaType;
        if (found->size != Descriptor::UnknownSize) out << ", " << found->size << " bytes";
        out << "\n";
        return true;
    } catch (const Error& error) {
        showError(out, error);
        return false;
    }
}

} // namespace

int explain(const Configuration& configuration, const std::string& text, std::ostream& out) {
    constexpr const char* Scheme = "oci://";
    Reference reference;
    try {
        reference = Reference::parse(text.compare(0, 6, Scheme) == 0 ? text.substr(6) : text);
    } catch (const Error& error) {
        out << "not a reference: " << error.what() << "\n";
        return 64;
    }
    out << "reference      " << reference.str() << "\n";

    Metrics metrics;
    const Components components(configuration, metrics, Components::Parts::Registries);
    const RouteTable routes(components.routes());
    const auto route = routes.find(reference.repository());
    if (!route) {
        out << "route          none: it is refused with 404\n"
            << "               hint: add [route.NAME] with match = " << reference.repository().host() << "/**\n";
        return 1;
    }
    out << "route          " << route->name << " (match = " << route->pattern.str() << ")\n"
        << "backend        " << route->backendName << "\n"
        << "sources        ";
    for (const auto& name : route->credentials)
        out << name << " ";
    out << (route->credentials.empty() ? "none" : "") << (route->anonymous ? "(and anonymous)" : "") << "\n";

    Keychain keychain(components.sources());
    std::vector<Credential> credentials;
    try {
        Call call("explain", Call::Clock::now() + Patience);
        credentials = keychain.find(call, reference.repository(), route->credentials);
    } catch (const Error& error) {
        out << "credentials    ";
        showError(out, error);
        return 1;
    }
    if (credentials.empty() || route->anonymous) credentials.push_back(Credential::anonymous());
    out << "credentials, in the order they are tried:\n";
    bool resolved = false;
    for (const auto& credential : credentials)
        resolved = askWith(credential, *route, reference, out) || resolved;
    return resolved ? 0 : 1;
}

} // namespace wasmproxy::host
