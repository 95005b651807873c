// SPDX-License-Identifier: Apache-2.0
#include "System.h"

#include <vector>

namespace wasmproxy::test {
namespace {

/// The agents hold the password and go to the registry themselves.
class Registry : public System {
public:
    Registry(Upstream& upstream, const Options& options) : _upstream(upstream), _options(options) {}
    ~Registry() override {
        for (auto* replica : _ended)
            replica->start();
    }
    std::deque<Service::Endpoint> endpoints() const override {
        if (_options.throughFront) return {{_upstream.front.port()}};
        return {{_upstream.first.port(), _upstream.first.port(), "/"},
                {_upstream.second.port(), _upstream.second.port(), "/"}};
    }
    std::unique_ptr<Fetch> fetch(const WantedModule& module, unsigned seed, bool again) const override {
        return pull(module, seed, _options.pinned, Upstream::User,
                    _options.passwordRight || again ? Upstream::Password : WrongPassword);
    }
    void kill(int replica) override {
        at(replica).kill();
        _ended.push_back(&at(replica));
    }
    void restart(int replica) override {
        at(replica).stop();
        at(replica).start();
    }
    void drain() override {} // it caches nothing
    void comeBack() override {}
    void correctPassword() override {}
    bool correctionIsPushed() const override { return true; }
    void serveOnce(const WantedModule&) override {}

private:
    RegistryProcess& at(int replica) const { return replica == 0 ? _upstream.first : _upstream.second; }

    Upstream& _upstream;
    const Options _options;
    std::vector<RegistryProcess*> _ended;
};

} // namespace

std::unique_ptr<System> makeRegistry(Upstream& upstream, const System::Options& options) {
    return std::make_unique<Registry>(upstream, options);
}

} // namespace wasmproxy::test
