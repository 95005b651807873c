// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/PluginGuard.h"
#include "wasmproxy/plugin/CredentialSource.h"

namespace wasmproxy::host {

/// A plugin's CredentialSource behind its PluginGuard. Owns it.
class GuardedCredentialSource : public CredentialSource {
public:
    GuardedCredentialSource(std::unique_ptr<CredentialSource> plugin, PluginGuard guard)
        : _plugin(std::move(plugin)), _guard(std::move(guard)) {}

    void* ability(const char* id) noexcept override { return _plugin->ability(id); }
    std::vector<Credential> find(Call& call, const CredentialQuery& query) override {
        return _guard.run("find", [&] { return _plugin->find(call, query); });
    }

private:
    std::unique_ptr<CredentialSource> _plugin;
    PluginGuard _guard;
};

} // namespace wasmproxy::host
