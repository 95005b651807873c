// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Component.h"
#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/plugin/Settings.h"

#include <memory>
#include <string>
#include <vector>

namespace wasmproxy {

/// What a plugin's manifest lists: makes instances of one component. Default-constructed by the loader, lives as long
/// as the process; its methods are called by one thread at a time.
class ComponentFactory {
public:
    virtual ~ComponentFactory() = default;
    /// RegistryBackend::Seam, CredentialSource::Seam or CacheStore::Seam.
    virtual const char* seam() const noexcept = 0;
    /// What the configuration calls it: `plugin = disk`. [a-z][a-z0-9-]*
    virtual const char* name() const noexcept = 0;
    /// A fresh, empty Settings of this component, for --print-settings and --check-config.
    virtual std::unique_ptr<Settings> settings() const = 0;
    /// A new instance. `settings` came from settings() and has been applied without a problem; the instance may keep
    /// it. `host` outlives the instance. Throws Error (SettingsInvalid, StorageFault, …) naming file and key.
    /// The result is the class of seam(): RegistryBackend*, CredentialSource* or CacheStore*.
    virtual std::unique_ptr<Component> create(HostServices& host, std::unique_ptr<Settings> settings) const = 0;

    /// Registry backends only: does this component know the registry at `host` ("docker.io")? Used to choose a backend
    /// for routes that name none. `host` may hold `*` as a route's does ("*.dkr.ecr.eu-west-1.amazonaws.com"): then,
    /// all the registries it stands for.
    virtual bool knowsRegistry(const std::string& host) const {
        static_cast<void>(host);
        return false;
    }

    /// Registry backends and cache stores: fixed addresses of the component's own (a cloud's metadata service), which
    /// the transport dials as written although they are link-local. Host names without port.
    virtual std::vector<std::string> trustedHosts() const { return {}; }
};

/// The usual factory: `Component` is constructed from (HostServices&, std::unique_ptr<SettingsType>).
template <class Seam, class Instance, class SettingsType>
class BasicFactory : public ComponentFactory {
public:
    const char* seam() const noexcept override { return Seam::Seam; }
    std::unique_ptr<Settings> settings() const override { return std::make_unique<SettingsType>(); }
    std::unique_ptr<Component> create(HostServices& host, std::unique_ptr<Settings> values) const override {
        return std::make_unique<Instance>(host,
                                          std::unique_ptr<SettingsType>(static_cast<SettingsType*>(values.release())));
    }
};

} // namespace wasmproxy
