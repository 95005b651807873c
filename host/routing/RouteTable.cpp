// SPDX-License-Identifier: Apache-2.0
#include "routing/RouteTable.h"

#include <algorithm>

namespace wasmproxy::host {

RouteTable::RouteTable(std::vector<Route> routes) {
    std::stable_sort(routes.begin(), routes.end(),
                     [](const Route& a, const Route& b) { return Pattern::moreSpecific(a.pattern, b.pattern); });
    for (auto& route : routes)
        _routes.push_back(std::make_shared<const Route>(std::move(route)));
}

std::shared_ptr<const Route> RouteTable::find(const Repository& repository) const {
    for (const auto& route : _routes)
        if (route->pattern.matches(repository)) return route;
    return nullptr;
}

} // namespace wasmproxy::host
