// SPDX-License-Identifier: Apache-2.0
#include "pull/ModulePuller.h"

#include "observe/Log.h"
#include "pull/HotTable.h"
#include "pull/IndexWrite.h"
#include "wasm/ModuleInspector.h"
#include "wasmproxy/oci/MediaType.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr int MaxIndexDepth = 4;
constexpr const char* NoAbi = "the module exports no proxy_abi_version function: it is no proxy-wasm extension";

} // namespace

std::optional<PulledModule> ModulePuller::pull(Call& call, const Route& route, const Reference& reference) {
    const auto resolved = resolve(call, route, reference);
    if (!resolved) return std::nullopt;
    const auto& top = resolved->descriptor;
    const auto& repository = reference.repository();

    PulledModule pulled;
    pulled.credential = resolved->credential.name;
    // Holding a manifest is no proof of holding what it names: only a module that was once pulled through this very
    // repository is taken from the cache.
    if (const auto known = _index.module(top.digest); known && _index.linked(known->module, repository)) {
        if (const auto why = refusal(*known)) throw *why;
        if (auto blob = _cache.openVerified(call, known->module)) {
            pulled.record = *known;
            pulled.content = withDescriptor(std::move(blob));
        }
    }
    if (!pulled.content) {
        const Origin origin{route, repository, resolved->credential};
        pulled.record = extract(call, origin, top);
        auto blob = _cache.openTrusted(call, pulled.record.module);
        if (!blob) throw Error(ErrorCode::StorageFault, "the cache lost " + pulled.record.module.str() + " right away");
        pulled.content = withDescriptor(std::move(blob));
        pulled.fetched = true;
    }
    writeIndex(call.requestId(), [&] {
        if (pulled.fetched) _index.recordModule(pulled.record, repository);
    });
    writeIndex(call.requestId(), [&] {
        if (!reference.digest()) _index.recordTag(reference, top.digest);
    });
    return pulled;
}

std::optional<Error> ModulePuller::refusal(const ModuleRecord& record) const {
    if (record.proxyAbi.empty() && _limits.requireProxyWasm == RequireProxyWasm::Yes)
        return Error(ErrorCode::ModuleUnusable, NoAbi, "pull.require-proxy-wasm = warn would serve it");
    if (record.size > _limits.module.moduleBytes)
        return Error(ErrorCode::ModuleUnusable,
                     "the module has " + std::to_string(record.size) + " bytes, more than the limit of " +
                         std::to_string(_limits.module.moduleBytes),
                     "raise pull.max-module");
    return std::nullopt;
}

std::vector<Credential> ModulePuller::credentials(Call& call, const Route& route, const Repository& repository) {
    auto found = _keychain.find(call, repository, route.credentials);
    std::stable_partition(found.begin(), found.end(),
                          [&](const Credential& each) { return _memory.lastWorked(repository, each); });
    if (found.empty() || route.anonymous) found.push_back(Credential::anonymous());
    return found;
}

bool ModulePuller::hasUntriedCredential(Call& call, const Route& route, const Repository& repository) {
    const auto found = credentials(call, route, repository);
    return std::any_of(found.begin(), found.end(),
                       [&](const Credential& each) { return !_memory.refusal(repository, each); });
}

std::optional<ModulePuller::Resolved> ModulePuller::resolve(Call& call, const Route& route,
                                                            const Reference& reference) {
    const auto& repository = reference.repository();
    std::optional<Error> refusal;
    bool absent = false;
    for (const auto& credential : credentials(call, route, repository)) {
        auto refused = _memory.refusal(repository, credential);
        if (!refused) {
            try {
                auto descriptor = route.backend->resolve(call, reference, credential);
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
                _memory.refused(repository, credential, error);
                log(LogLevel::Warning, "credential refused",
                    {{"request", call.requestId()},
                     {"reference", reference.str()},
                     {"registry", repository.host()},
                     {"credential", credential.name},
                     {"cause", error.what()},
                     {"hint", error.hint()}});
                refused = error;
            }
        }
        // Without a credential a registry may hide what exists: its refusal does not outweigh another's "absent".
        if (credential.kind != Credential::Kind::Anonymous || !absent) refusal = refused;
    }
    if (refusal) throw *refusal;
    return std::nullopt;
}

std::string ModulePuller::manifestBytes(Call& call, const Origin& origin, const Descriptor& descriptor) {
    if (descriptor.data && descriptor.data->size() <= _limits.manifestBytes) {
        _content.put(call, origin.repository, descriptor.digest, *descriptor.data);
        return *descriptor.data;
    }
    auto asManifest = descriptor;
    if (!media::isImageIndex(asManifest.mediaType) && !media::isManifest(asManifest.mediaType))
        asManifest.mediaType = media::OciManifest; // so that the backend asks the manifests endpoint
    return _content.bytes(call, origin, asManifest, _limits.manifestBytes);
}

ModuleRecord ModulePuller::extract(Call& call, const Origin& origin, const Descriptor& top) {
    ManifestLimits manifestLimits;
    manifestLimits.bytes = _limits.manifestBytes;
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

    std::unique_ptr<Ingest> ingest;
    DigestStream stream;
    const auto open = [&](const Descriptor& descriptor) {
        return _content.open(call, origin, descriptor, _limits.layerBytes);
    };
    const auto sink = [&](const char* bytes, std::size_t size) {
        if (!ingest) ingest = _cache.ingest(call, Descriptor::UnknownSize);
        stream.update(bytes, size);
        ingest->write(bytes, size);
        call.check("unpacking the module");
    };
    const auto found = findModule(*manifest, open, sink, _limits.module);

    ModuleRecord record;
    record.manifest = top.digest;
    record.selectedManifest = selected.digest;
    record.module = stream.finish();
    record.size = found.size;
    record.layout = found.layout;
    record.layer = found.layer;
    record.entry = found.entry;
    record.pulledAt = std::chrono::system_clock::now();
    // A layer that is the module itself is in the cache already, under the same digest.
    if (ingest && record.module != record.layer) {
        ingest->commit(record.module);
        writeIndex(call.requestId(), [&] { _index.recordContent(record.module, record.size); });
    }
    ingest.reset();

    auto blob = _cache.openTrusted(call, record.module);
    if (!blob) throw Error(ErrorCode::StorageFault, "the cache lost " + record.module.str() + " right away");
    record.proxyAbi = inspectModule(*blob).proxyAbi;
    if (const auto why = refusal(record)) throw *why;
    if (record.proxyAbi.empty() && _limits.requireProxyWasm == RequireProxyWasm::Warn)
        log(LogLevel::Warning, "serving a module that proxies will probably refuse",
            {{"request", call.requestId()},
             {"repository", origin.repository.str()},
             {"module", record.module.str()},
             {"cause", NoAbi},
             {"hint", "pull.require-proxy-wasm = yes refuses such modules, = no keeps silent"}});
    return record;
}

} // namespace wasmproxy::host
