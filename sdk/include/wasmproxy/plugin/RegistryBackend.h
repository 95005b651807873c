// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Descriptor.h"
#include "wasmproxy/oci/Reference.h"
#include "wasmproxy/plugin/BodyReader.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/Component.h"
#include "wasmproxy/plugin/Credential.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace wasmproxy {

/// What a backend may be trusted with. A mirror may pull but not resolve tags.
struct Capabilities {
    bool pull = true;
    bool resolve = true;
    bool referrers = false;
};

/// Speaks to one kind of registry. All methods are thread-safe and may block until call.deadline(). The host verifies
/// every digest, retries, coalesces and caches; a backend does none of that.
class RegistryBackend : public Component {
public:
    static constexpr const char* Seam = "wasmproxy.registry-backend/1";

    virtual Capabilities capabilities() const = 0;

    /// The manifest (or ImageIndex) that `reference` means now; nullopt: the registry says there is no such tag or
    /// digest. The answer has mediaType, digest and size; `data` only if the manifest had to be fetched for it.
    /// Throws Error: CredentialRefused, RepositoryDenied, UpstreamUnavailable, TooManyRequests, UpstreamInvalid, …
    virtual std::optional<Descriptor> resolve(Call& call, const Reference& reference, const Credential& credential) = 0;

    /// The content's bytes from `offset` on; nullptr: the registry says it is unknown. Manifests are told from blobs by
    /// the descriptor's mediaType. Throws as resolve().
    virtual std::unique_ptr<BodyReader> fetch(Call& call, const Repository& repository, const Descriptor& descriptor,
                                              const Credential& credential, std::uint64_t offset) = 0;
};

} // namespace wasmproxy
