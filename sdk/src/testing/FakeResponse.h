// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/testing/FakeRegistry.h"

namespace wasmproxy::testing {

/// A Reply on its way.
class FakeResponse : public HttpResponse {
public:
    explicit FakeResponse(FakeRegistry::Reply reply) : _reply(std::move(reply)) {}

    int status() const noexcept override { return _reply.status; }
    const std::vector<HttpHeader>& headers() const noexcept override { return _reply.headers; }
    std::size_t read(char* buffer, std::size_t size) override;

private:
    FakeRegistry::Reply _reply;
    std::size_t _sent = 0;
};

} // namespace wasmproxy::testing
