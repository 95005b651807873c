// SPDX-License-Identifier: Apache-2.0
#include "net/CurlTransport.h"

#include "net/Exchange.h"
#include "net/LanePool.h"

namespace wasmproxy::host {

struct CurlTransport::Lanes : LanePool {
    using LanePool::LanePool;
};

CurlTransport::CurlTransport(TransportSettings settings) : _lanes(std::make_shared<Lanes>(std::move(settings))) {}

CurlTransport::~CurlTransport() = default;

std::unique_ptr<HttpResponse> CurlTransport::send(Call& call, const HttpRequest& request) {
    auto exchange = std::make_unique<Exchange>(_lanes, call, request);
    const auto& observer = _lanes->settings.observer;
    const auto observe = [&](int status) {
        if (observer) observer(exchange->target().registry(), status, request.method);
    };
    try {
        exchange->awaitHead();
    } catch (...) {
        observe(0);
        throw;
    }
    observe(exchange->status());
    return exchange;
}

} // namespace wasmproxy::host
