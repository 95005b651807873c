// SPDX-License-Identifier: Apache-2.0
#include "routing/RouteTable.h"

#include <algorithm>

namespace wasmproxy::host {

std::vector<std::string> Route::sources(const std::string& secret) const {
    auto result = credentials;
    if (secret.empty()) {
        if (!ownIdentity.empty()) result.push_back(ownIdentity);
        return result;
    }
    for (const auto& standard : standardCredentials)
        if (std::find(result.begin(), result.end(), standard) == result.end()) result.push_back(standard);
    return result;
}

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
