// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/PluginGuard.h"
#include "wasmproxy/plugin/CacheQuarantine.h"

namespace wasmproxy::host {

/// The ability CacheQuarantine of a plugin's CacheStore, behind that store's PluginGuard.
class GuardedQuarantine final : public CacheQuarantine {
public:
    /// Both outlive this.
    GuardedQuarantine(CacheQuarantine& plugin, const PluginGuard& guard) : _plugin(plugin), _guard(guard) {}

    bool quarantine(Call& call, const Digest& digest) override {
        return _guard.run("quarantine", [&] { return _plugin.quarantine(call, digest); });
    }
    Held quarantined() const noexcept override { return _plugin.quarantined(); }

private:
    CacheQuarantine& _plugin;
    const PluginGuard& _guard;
};

} // namespace wasmproxy::host
