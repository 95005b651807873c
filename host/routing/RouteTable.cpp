// SPDX-License-Identifier: Apache-2.0
#include "routing/RouteTable.h"

#include <algorithm>

namespace wasmproxy::host {

RouteTable::RouteTable(std::vector<Route> routes) : _routes(std::move(routes)) {
    std::stable_sort(_routes.begin(), _routes.end(),
                     [](const Route& a, const Route& b) { return Pattern::moreSpecific(a.pattern, b.pattern); });
}

const Route* RouteTable::find(const Repository& repository) const {
    for (const auto& route : _routes)
        if (route.pattern.matches(repository)) return &route;
    return nullptr;
}

} // namespace wasmproxy::host
