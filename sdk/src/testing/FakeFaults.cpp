// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/FakeRegistry.h"

namespace wasmproxy::testing::faults {

using Seen = FakeRegistry::Seen;
using Reply = FakeRegistry::Reply;

FakeRegistry::Change status(int status, std::string body, std::vector<HttpHeader> headers) {
    return [status, body = std::move(body), headers = std::move(headers)](const Seen& seen, Reply& reply) {
        reply = Reply();
        reply.status = status;
        reply.headers = headers;
        if (!body.empty()) reply.set("Content-Type", "application/json");
        if (seen.method != "HEAD") reply.body = body;
    };
}

FakeRegistry::Change cutAfter(std::size_t bytes) {
    return [bytes](const Seen&, Reply& reply) { reply.cutAfter = bytes; };
}

FakeRegistry::Change webPage() {
    return [](const Seen& seen, Reply& reply) {
        const std::string page = "<!DOCTYPE html><html><body>Please log in</body></html>";
        reply = Reply();
        reply.set("Content-Type", "text/html; charset=utf-8");
        reply.set("Content-Length", std::to_string(page.size()));
        if (seen.method != "HEAD") reply.body = page;
    };
}

FakeRegistry::Change header(std::string name, std::string value) {
    return [name = std::move(name), value = std::move(value)](const Seen&, Reply& reply) { reply.set(name, value); };
}

FakeRegistry::Change withoutHeader(std::string name) {
    return [name = std::move(name)](const Seen&, Reply& reply) { reply.remove(name); };
}

FakeRegistry::Change redirect(int status, std::string location) {
    return [status, location = std::move(location)](const Seen&, Reply& reply) {
        reply = Reply();
        reply.status = status;
        reply.set("Location", location);
    };
}

FakeRegistry::Change silence() {
    return [](const Seen&, Reply& reply) { reply.silent = true; };
}

} // namespace wasmproxy::testing::faults
