// SPDX-License-Identifier: Apache-2.0
#include "Agent.h"

namespace wasmproxy::test {

Agent::Agent(const Surroundings& surroundings, const WantedModule& module, unsigned seed)
    : _surroundings(surroundings), _module(module), _random(seed) {}

void Agent::start(std::unique_ptr<Fetch> fetch, Done done) {
    _fetch = std::move(fetch);
    _done = std::move(done);
    follow(_fetch->begin(Loop::Clock::now()));
}

void Agent::follow(const Step& step) {
    switch (step.kind) {
    case Step::Kind::Request:
        return send(false);
    case Step::Kind::Sleep:
        _surroundings.loop.at(Loop::Clock::now() + step.sleep, [this] { follow(_fetch->slept(Loop::Clock::now())); });
        return;
    case Step::Kind::Loaded:
    case Step::Kind::Failed:
        break;
    }
    _connection.reset();
    const auto done = std::move(_done);
    done(step.kind == Step::Kind::Loaded, step.why);
}

void Agent::send(bool fresh) {
    const bool tokens = _fetch->usesTokenService() && _surroundings.tokens != nullptr;
    const bool reused = !fresh && !tokens && _connection && _connection->reusable();
    ++_requests;
    std::unique_ptr<HttpConnection> aside;
    if (!reused) {
        const auto& service = tokens ? *_surroundings.tokens : _surroundings.service;
        aside = std::make_unique<HttpConnection>(_surroundings.loop, _surroundings.link, service.choose(_random));
        aside.swap(_connection);
    }
    std::optional<ModuleCheck> check;
    if (_fetch->wantsModule()) check.emplace(_module.bytes, _module.sha256);
    _connection->request(_fetch->request(), std::move(check), _fetch->deadline(), [this, reused](const Reply& reply) {
        const bool dead = reply.failure == Reply::Failure::Reset || reply.failure == Reply::Failure::Ended;
        if (reused && reply.status == 0 && dead) return send(true);
        follow(_fetch->replied(reply, Loop::Clock::now()));
    });
}

} // namespace wasmproxy::test
