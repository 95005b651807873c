// SPDX-License-Identifier: Apache-2.0
#include "System.h"

#include "OciFetch.h"

#include <stdexcept>

namespace wasmproxy::test {

void System::check(const HttpAnswer& answer, const WantedModule& module) {
    if (answer.status != 200 || answer.body != module.bytes)
        throw std::runtime_error(module.repository + " was answered " + std::to_string(answer.status) + " " +
                                 answer.error);
}

std::unique_ptr<Fetch> System::pull(const WantedModule& module, unsigned seed, bool pinned, const std::string& user,
                                    const std::string& password) {
    return std::make_unique<OciFetch>(
        OciFetch::Image{module.repository, pinned ? module.digest : module.tag, user, password}, seed);
}

std::unique_ptr<System> makeSystem(const std::string& name, Upstream& upstream, const System::Options& options) {
    if (name == "wasm-proxy") return makeWasmProxies(upstream, options);
    if (name == "registry") return makeRegistry(upstream, options);
    if (name == "pull-through") return makePullThrough(upstream, options);
    throw std::invalid_argument("no such system: " + name + " (wasm-proxy, registry, pull-through)");
}

} // namespace wasmproxy::test
