// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/DistributionSettings.h"
#include "wasmproxy/distribution/RegistryDialect.h"
#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/plugin/RegistryBackend.h"

#include <memory>

namespace wasmproxy {

/// A RegistryBackend that speaks the OCI distribution protocol: manifests by HEAD or GET, blobs with ranges, challenges
/// answered as they come, redirects judged hop by hop. Thread-safe. Whatever a registry does in its own way is its
/// RegistryDialect's.
class DistributionBackend : public RegistryBackend {
public:
    /// `host` outlives the backend.
    DistributionBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings,
                        std::unique_ptr<RegistryDialect> dialect);
    ~DistributionBackend() override;

    Capabilities capabilities() const override;
    /// Has the ability "registry-listing/1".
    void* ability(const char* id) noexcept override;
    std::optional<Descriptor> resolve(Call& call, const Reference& reference, const Credential& credential) override;
    std::unique_ptr<BodyReader> fetch(Call& call, const Repository& repository, const Descriptor& descriptor,
                                      const Credential& credential, std::uint64_t offset) override;

private:
    struct Parts;
    std::unique_ptr<Parts> _parts;
};

} // namespace wasmproxy
