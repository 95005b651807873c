// SPDX-License-Identifier: Apache-2.0
#include "Explanation.h"

#include "Components.h"
#include "TrialPull.h"
#include "extensions/ExtensionCluster.h"
#include "extensions/ExtensionFiles.h"
#include "pull/PullTargets.h"
#include "wasm/Printable.h"

#include <pthread.h>

#include <csignal>

namespace wasmproxy::host {
namespace {

constexpr std::chrono::seconds Patience{30}; // per question to a registry

std::atomic<bool> interrupted{false};

Call callFor(std::chrono::milliseconds patience) {
    return Call("explain", Call::Clock::now() + patience, &interrupted);
}

/// main() has blocked them for a server's sake. Who is tired of waiting leaves nothing behind either.
void takeInterrupts() {
    sigset_t set;
    sigemptyset(&set);
    for (const int each : {SIGTERM, SIGINT, SIGHUP}) {
        std::signal(each, [](int) { interrupted = true; });
        sigaddset(&set, each);
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void showError(std::ostream& out, const Error& error) {
    out << traitsOf(error.code()).name << ": " << error.what() << "\n";
    if (!error.hint().empty()) out << "               hint: " << error.hint() << "\n";
}

/// What it says is remembered, so that the pull shows no credential that was refused.
bool askWith(const Credential& credential, const Route& route, const Reference& reference, CredentialMemory& memory,
             std::ostream& out) {
    out << "  " << credential.name << "\n    registry:  ";
    try {
        auto call = callFor(Patience);
        const auto found = route.backend->resolve(call, reference, credential);
        if (!found) {
            out << "says there is no " << reference.str() << "\n";
            return false;
        }
        out << "accepted; " << found->digest.str();
        if (!found->mediaType.empty()) out << ", " << found->mediaType;
        if (found->size != Descriptor::UnknownSize) out << ", " << found->size << " bytes";
        out << "\n";
        memory.accepted(reference.repository(), credential);
        return true;
    } catch (const Error& error) {
        if (error.code() == ErrorCode::CredentialRefused || error.code() == ErrorCode::RepositoryDenied)
            memory.refused(reference.repository(), credential, error);
        showError(out, error);
        return false;
    }
}

bool showModule(const Configuration& configuration, Components& components, Keychain& keychain,
                CredentialMemory& memory, const PullTarget& target, std::ostream& out) {
    out << "module         " << std::flush;
    try {
        TrialPull trial(configuration, components, keychain, memory);
        auto call = callFor(configuration.settings.pull.deadline);
        const auto pulled = trial.pull(call, target);
        if (!pulled) {
            out << "there is none\n";
            return false;
        }
        const auto& record = pulled->record;
        out << record.module.str() << ", " << record.size << " bytes\n"
            << "  layout:      " << record.layout << ", layer " << record.layer.str()
            << (record.entry.empty() ? "" : ", entry " + printable(record.entry, 200)) << "\n"
            << "  proxy-wasm:  "
            << (record.proxyAbi.empty() ? "exports no proxy_abi_version function: proxies will probably refuse it"
                                        : "ABI " + record.proxyAbi)
            << "\n";
        return true;
    } catch (const Error& error) {
        showError(out, error);
        return false;
    }
}

/// The Extensions as a start would find them.
void readExtensions(const Configuration& configuration, ExtensionCatalog& catalog, std::ostream& out) {
    if (const auto& directory = configuration.settings.extensions.directory.get(); !directory.empty())
        catalog.replace("directory", ExtensionFiles().read(directory).documents);
    if (!configuration.cluster) return;
    try {
        auto call = callFor(Patience);
        const auto services = Components::servicesFor("extensions");
        catalog.replace("kubernetes", ExtensionCluster::list(call, *services, *configuration.cluster,
                                                             configuration.clusterNamespace));
    } catch (const Error& error) {
        out << "extensions     those of the cluster could not be read: ";
        showError(out, error);
    }
}

/// "oci://host/repository:tag", the same without its scheme, or an http(s) URL that an Extension has.
PullTarget targetOf(const PullTargets& targets, const std::string& text) {
    if (text.compare(0, 7, "http://") == 0 || text.compare(0, 8, "https://") == 0) return targets.byUrl(text, {});
    return targets.byReference(Reference::parse(text.compare(0, 6, "oci://") == 0 ? text.substr(6) : text), {});
}

} // namespace

int explain(const Configuration& configuration, const std::string& text, std::ostream& out) {
    takeInterrupts();
    Metrics metrics;
    Components components(configuration, metrics, Components::Parts::Registries);
    const RouteTable routes(components.routes());
    Keychain keychain(components.sources());
    CredentialMemory memory;
    ExtensionCatalog extensions(configuration.settings.mesh.enableWasmDownloadProxy);
    readExtensions(configuration, extensions, out);
    const PullTargets targets(routes, extensions,
                              [&](const Repository& repository) { return components.unrouted(repository, keychain); });

    std::optional<PullTarget> found;
    try {
        found = targetOf(targets, text);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::RouteUnknown) {
            out << "not a reference: " << error.what() << "\n";
            return 64;
        }
        out << "reference      " << text << "\nroute          none: it is refused with 404\n"
            << "               " << error.what() << "\n               hint: " << error.hint() << "\n";
        return 1;
    }
    const auto& reference = found->reference;
    const auto& route = *found->route;
    if (found->extension) {
        const auto& extension = *found->extension;
        out << "extension      " << extension.name << " (" << extension.origin << "), imagePullSecret "
            << (extension.imagePullSecret.empty() ? "none" : extension.imagePullSecret) << "\n";
        if (!extension.httpUrl.empty()) {
            out << "url            " << extension.url << ", fetched without a credential\n";
            return showModule(configuration, components, keychain, memory, *found, out) ? 0 : 1;
        }
    }
    out << "reference      " << reference.str() << "\n"
        << "route          " << route.name << " (match = " << route.pattern.str() << ")\n"
        << "backend        " << route.backendName << "\n"
        << "sources        ";
    const auto secret = found->secret();
    const auto sources = route.sources(secret);
    for (const auto& name : sources)
        out << name << " ";
    out << (sources.empty() ? "none" : "") << (route.anonymous ? "(and anonymous)" : "") << "\n";

    std::vector<Credential> credentials;
    try {
        auto call = callFor(Patience);
        credentials = keychain.find(call, reference.repository(), sources, secret);
    } catch (const Error& error) {
        out << "credentials    ";
        showError(out, error);
        return 1;
    }
    if (secret.empty() && (credentials.empty() || route.anonymous)) credentials.push_back(Credential::anonymous());
    out << "credentials, in the order they are tried:\n";
    bool resolved = false;
    for (const auto& credential : credentials)
        resolved = askWith(credential, route, reference, memory, out) || resolved;
    return resolved && showModule(configuration, components, keychain, memory, *found, out) ? 0 : 1;
}

} // namespace wasmproxy::host
