// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/GuardedQuarantine.h"
#include "guard/GuardedSharedStore.h"
#include "guard/PluginGuard.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <optional>
#include <string>

namespace wasmproxy::host {

/// A plugin's CacheStore behind its PluginGuard. Owns it. Blobs are handed out as they are: the event loops use only
/// their descriptors.
class GuardedCacheStore : public CacheStore {
public:
    GuardedCacheStore(std::unique_ptr<CacheStore> plugin, PluginGuard guard)
        : _plugin(std::move(plugin)), _guard(std::move(guard)) {
        if (auto* shared = static_cast<SharedStore*>(_plugin->ability(SharedStore::Id)))
            _shared.emplace(*shared, _guard);
        if (auto* quarantine = static_cast<CacheQuarantine*>(_plugin->ability(CacheQuarantine::Id)))
            _quarantine.emplace(*quarantine, _guard);
    }

    void* ability(const char* id) noexcept override {
        if (id == std::string(SharedStore::Id)) return _shared ? static_cast<SharedStore*>(&*_shared) : nullptr;
        if (id == std::string(CacheQuarantine::Id))
            return _quarantine ? static_cast<CacheQuarantine*>(&*_quarantine) : nullptr;
        return _plugin->ability(id);
    }
    std::unique_ptr<Blob> open(Call& call, const Digest& digest) override {
        return _guard.run("open", [&] { return _plugin->open(call, digest); });
    }
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize) override;
    bool remove(Call& call, const Digest& digest) override {
        return _guard.run("remove", [&] { return _plugin->remove(call, digest); });
    }
    void visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) override {
        _guard.run("visit", [&] { _plugin->visit(call, visitor); });
    }

private:
    std::unique_ptr<CacheStore> _plugin;
    PluginGuard _guard;
    std::optional<GuardedSharedStore> _shared;
    std::optional<GuardedQuarantine> _quarantine;
};

} // namespace wasmproxy::host
