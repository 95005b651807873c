// SPDX-License-Identifier: Apache-2.0
#include "pull/ModulePuller.h"

#include "observe/Log.h"
#include "pull/HotTable.h"
#include "pull/IndexWrite.h"
#include "wasmproxy/oci/MediaType.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr int MaxIndexDepth = 4;

} // namespace

std::optional<PulledModule> ModulePuller::pull(Call& call, const PullTarget& target) {
    // What the registry says holds from when it was asked, however long the pull takes.
    const auto asked = std::chrono::system_clock::now();
    const auto resolved = resolve(call, target);
    if (!resolved) return std::nullopt;
    const auto& top = resolved->descriptor;
    const auto& reference = target.reference;
    const auto& repository = reference.repository();

    PulledModule pulled;
    pulled.credential = resolved->credential.name;
    // Holding a manifest is no proof of holding what it names: only a module that was once pulled through this very
    // repository is taken from the cache.
    if (const auto known = _index.module(top.digest); known && _index.linked(known->module, repository)) {
        if (const auto why = refusal(*known, target)) throw *why;
        if (auto blob = _cache.openVerified(call, known->module)) {
            pulled.record = *known;
            pulled.content = withDescriptor(std::move(blob));
        }
    }
    if (!pulled.content) {
        const Origin origin{*target.route, repository, resolved->credential, target.secret()};
        pulled.record = extract(call, target, origin, top);
        auto blob = _cache.openTrusted(call, pulled.record.module);
        if (!blob) throw Error(ErrorCode::StorageFault, "the cache lost " + pulled.record.module.str() + " right away");
        pulled.content = withDescriptor(std::move(blob));
        pulled.fetched = true;
    }
    writeIndex(call.requestId(), [&] {
        if (pulled.fetched) _index.recordModule(pulled.record, repository);
    });
    writeIndex(call.requestId(), [&] {
        if (!reference.digest()) _index.recordTag(reference, top.digest, asked);
    });
    return pulled;
}

void ModulePuller::complete(Call& call, const PullTarget& target, const std::vector<Descriptor>& contents) {
    const auto& reference = target.reference;
    const auto resolved = resolve(call, target);
    if (!resolved)
        throw Error(ErrorCode::ManifestUnknown, reference.repository().host() + " has no " + reference.str());
    const Origin origin{*target.route, reference.repository(), resolved->credential, target.secret()};
    for (const auto& content : contents)
        _content.open(call, origin, content, _intake.limits().layerBytes);
}

std::vector<Credential> ModulePuller::credentials(Call& call, const PullTarget& target) {
    const auto& repository = target.reference.repository();
    const auto secret = target.secret();
    auto found = _keychain.find(call, repository, target.route->sources(secret), secret);
    _memory.inForce(repository, found);
    std::stable_partition(found.begin(), found.end(),
                          [&](const Credential& each) { return _memory.lastWorked(repository, each); });
    // A named Secret is all that may be used: nobody asked for less.
    if (secret.empty() && (found.empty() || target.route->anonymous)) found.push_back(Credential::anonymous());
    return found;
}

bool ModulePuller::hasUntriedCredential(Call& call, const PullTarget& target) {
    const auto& repository = target.reference.repository();
    const auto found = credentials(call, target);
    return std::any_of(found.begin(), found.end(),
                       [&](const Credential& each) { return !_memory.refusal(repository, each); });
}

std::optional<ModulePuller::Resolved> ModulePuller::resolve(Call& call, const PullTarget& target) {
    const auto& reference = target.reference;
    const auto& repository = reference.repository();
    std::optional<Error> refusal;
    bool absent = false;
    for (const auto& credential : credentials(call, target)) {
        auto refused = _memory.refusal(repository, credential);
        if (!refused) {
            try {
                auto descriptor = target.route->backend->resolve(call, reference, credential);
                if (descriptor) {
                    if (descriptor->digest.empty() || (reference.digest() && descriptor->digest != *reference.digest()))
                        throw Error(ErrorCode::UpstreamInvalid, repository.host() + " resolved " + reference.str() +
                                                                    " to another digest: " + descriptor->digest.str());
                    _memory.accepted(repository, credential);
                    return Resolved{std::move(*descriptor), credential};
                }
                absent = true;
                continue;
            } catch (const Error& error) {
                if (error.code() != ErrorCode::CredentialRefused && error.code() != ErrorCode::RepositoryDenied) throw;
                refused = _memory.refused(repository, credential, error);
                log(LogLevel::Warning, "credential refused",
                    {{"request", call.requestId()},
                     {"trace", call.trace().traceId()},
                     {"reference", reference.str()},
                     {"registry", repository.host()},
                     {"credential", credential.name},
                     {"cause", refused->what()},
                     {"hint", refused->hint()}});
            }
        }
        // Without a credential a registry may hide what exists: its refusal does not outweigh another's "absent".
        if (credential.kind != Credential::Kind::Anonymous || !absent) refusal = refused;
    }
    if (refusal) throw *refusal;
    return std::nullopt;
}

std::string ModulePuller::manifestBytes(Call& call, const Origin& origin, const Descriptor& descriptor) {
    if (descriptor.data && descriptor.data->size() <= _intake.limits().manifestBytes) {
        _content.put(call, origin.repository, descriptor.digest, *descriptor.data);
        return *descriptor.data;
    }
    auto asManifest = descriptor;
    if (!media::isImageIndex(asManifest.mediaType) && !media::isManifest(asManifest.mediaType))
        asManifest.mediaType = media::OciManifest; // so that the backend asks the manifests endpoint
    return _content.bytes(call, origin, asManifest, _intake.limits().manifestBytes);
}

ModuleRecord ModulePuller::extract(Call& call, const PullTarget& target, const Origin& origin, const Descriptor& top) {
    ManifestLimits manifestLimits;
    manifestLimits.bytes = _intake.limits().manifestBytes;
    Descriptor selected = top;
    std::optional<Manifest> manifest;
    for (int depth = 0; !manifest; ++depth) {
        if (depth == MaxIndexDepth)
            throw Error(ErrorCode::ModuleUnusable,
                        "image indexes are nested more than " + std::to_string(MaxIndexDepth) + " deep");
        auto document = parseManifest(manifestBytes(call, origin, selected), selected.mediaType, manifestLimits);
        if (auto* index = std::get_if<ImageIndex>(&document)) {
            // A copy first: chooseChild answers with a reference into the document.
            auto child = chooseChild(*index);
            child.data.reset(); // inline data is the registry's word; the content is fetched and verified instead
            selected = std::move(child);
        } else {
            manifest = std::get<Manifest>(std::move(document));
        }
    }

    auto record = _intake.take(call, target, [&](const ModuleSink& sink) {
        return findModule(
            *manifest,
            [&](const Descriptor& descriptor) {
                return _content.open(call, origin, descriptor, _intake.limits().layerBytes);
            },
            sink, _intake.limits().module);
    });
    record.manifest = top.digest;
    record.selectedManifest = selected.digest;
    if (const auto why = refusal(record, target)) throw *why;
    return record;
}

} // namespace wasmproxy::host
