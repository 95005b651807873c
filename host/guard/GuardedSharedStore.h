// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/PluginGuard.h"
#include "wasmproxy/plugin/SharedStore.h"

namespace wasmproxy::host {

/// The ability SharedStore of a plugin's CacheStore, behind that store's PluginGuard.
class GuardedSharedStore final : public SharedStore {
public:
    /// Both outlive this.
    GuardedSharedStore(SharedStore& plugin, const PluginGuard& guard) : _plugin(plugin), _guard(guard) {}

    std::optional<std::string> record(Call& call, const std::string& key) override {
        return _guard.run("record", [&] {
            auto value = _plugin.record(call, key);
            if (value && value->size() > MaxRecord)
                throw Error(ErrorCode::PluginFault,
                            _guard.instance() + " gave a record of " + std::to_string(value->size()) + " bytes");
            return value;
        });
    }
    void putRecord(Call& call, const std::string& key, const std::string& value,
                   std::chrono::seconds lifetime) override {
        _guard.run("put-record", [&] { _plugin.putRecord(call, key, value, lifetime); });
    }
    void removeRecord(Call& call, const std::string& key) override {
        _guard.run("remove-record", [&] { _plugin.removeRecord(call, key); });
    }
    bool canLock() const noexcept override { return _plugin.canLock(); }
    std::unique_ptr<Lock> tryLock(Call& call, const std::string& key, std::chrono::milliseconds lifetime) override {
        auto lock = _guard.run("lock", [&] { return _plugin.tryLock(call, key, lifetime); });
        return lock ? std::make_unique<GuardedLock>(std::move(lock), _guard) : nullptr;
    }

private:
    class GuardedLock final : public Lock {
    public:
        GuardedLock(std::unique_ptr<Lock> plugin, const PluginGuard& guard)
            : _plugin(std::move(plugin)), _guard(guard) {}
        bool renew(Call& call, std::chrono::milliseconds lifetime) override {
            return _guard.run("renew-lock", [&] { return _plugin->renew(call, lifetime); });
        }

    private:
        const std::unique_ptr<Lock> _plugin;
        const PluginGuard& _guard;
    };

    SharedStore& _plugin;
    const PluginGuard& _guard;
};

} // namespace wasmproxy::host
