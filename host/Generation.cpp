// SPDX-License-Identifier: Apache-2.0
#include "Generation.h"

namespace wasmproxy::host {

PullLimits limitsOf(const PullSettings& settings) {
    PullLimits limits;
    limits.manifestBytes = settings.maxManifest.get();
    limits.layerBytes = settings.maxLayer.get();
    limits.module.moduleBytes = settings.maxModule.get();
    const auto& require = settings.requireProxyWasm.get();
    limits.requireProxyWasm = require == "yes"  ? RequireProxyWasm::Yes
                              : require == "no" ? RequireProxyWasm::No
                                                : RequireProxyWasm::Warn;
    return limits;
}

Generation::Generation(std::uint64_t number, std::shared_ptr<const Configuration> configuration, const Shared& shared,
                       const Generation* previous)
    : _configuration(std::move(configuration)),
      _components(*_configuration, shared.metrics, Components::Parts::Registries,
                  previous ? &previous->_components : nullptr),
      _routes(_components.routes()),
      _keychain(_components.sources()),
      _setup{
          number,
          PullTargets(_routes, shared.extensions,
                      [this](const Repository& repository) { return _components.unrouted(repository, _keychain); }),
          ModulePuller(shared.cache, shared.index, _keychain, shared.memory, limitsOf(_configuration->settings.pull)),
          HttpSource(shared.cache, shared.index, limitsOf(_configuration->settings.pull),
                     [this](const std::string& url) { return _components.transportFor(url); })} {}

PullLimits Generation::limits() const {
    return limitsOf(_configuration->settings.pull);
}

} // namespace wasmproxy::host
