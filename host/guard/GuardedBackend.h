// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/PluginGuard.h"
#include "wasmproxy/plugin/RegistryBackend.h"

namespace wasmproxy::host {

/// A plugin's RegistryBackend behind its PluginGuard. Owns it.
class GuardedBackend : public RegistryBackend {
public:
    GuardedBackend(std::unique_ptr<RegistryBackend> plugin, PluginGuard guard)
        : _plugin(std::move(plugin)), _guard(std::move(guard)) {}

    void* ability(const char* id) noexcept override { return _plugin->ability(id); }
    Capabilities capabilities() const override {
        return _guard.run("capabilities", [&] { return _plugin->capabilities(); });
    }
    std::optional<Descriptor> resolve(Call& call, const Reference& reference, const Credential& credential) override;
    std::unique_ptr<BodyReader> fetch(Call& call, const Repository& repository, const Descriptor& descriptor,
                                      const Credential& credential, std::uint64_t offset) override;

private:
    std::unique_ptr<RegistryBackend> _plugin;
    PluginGuard _guard;
};

} // namespace wasmproxy::host
