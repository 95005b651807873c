// SPDX-License-Identifier: Apache-2.0
#include "dataplane/Serving.h"

#include <random>

namespace wasmproxy::host {

namespace {

std::uint64_t randomStart() {
    std::random_device device;
    return static_cast<std::uint64_t>(device()) << 32 | device();
}

} // namespace

Serving::Serving(DataPlaneOptions given, std::size_t connections, ModuleService& service, Metrics& figures)
    : options(std::move(given)),
      modules(service),
      metrics(figures),
      allowed(options.allowFrom),
      limits(connections, options.connectionsPerAddress),
      bodies(options.bodies),
      _requests(randomStart()) {}

void Serving::nextRequestId(std::string& id) {
    // splitmix64 of a counter: a permutation, so no id comes twice, and neighbours look nothing alike in a log.
    std::uint64_t value = _requests.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    value ^= value >> 31;
    id.resize(16);
    for (std::size_t i = 0; i < id.size(); ++i)
        id[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
}

} // namespace wasmproxy::host
