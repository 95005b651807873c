// SPDX-License-Identifier: Apache-2.0
// The data plane alone, with one event loop, over a service that has its one module at hand: what parsing, planning and
// sending cost, without routes, index and accesses.
//   dataplane_server PORT FILE
#include "dataplane/DataPlane.h"
#include "host/dataplane/FakeModules.h"
#include "observe/Metrics.h"

#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

using namespace wasmproxy::host;

class OneModule : public ModuleService {
public:
    explicit OneModule(const std::string& bytes)
        : _module{std::make_shared<test::MemoryBlob>(bytes), wasmproxy::Digest::of(bytes),
                  wasmproxy::Digest::of("its manifest"), CacheResult::Hit} {}

    void byReference(const wasmproxy::Reference&, const std::string&, const Caller&, ModuleCallback callback) override {
        callback(_module);
    }
    void byUrl(const std::string&, const std::string&, const Caller&, ModuleCallback callback) override {
        callback(_module);
    }
    void byExtension(const std::string&, const std::optional<wasmproxy::Digest>&, const Caller&,
                     ModuleCallback callback) override {
        callback(_module);
    }
    void bySha256(const wasmproxy::Digest&, const Caller&, ModuleCallback callback) override { callback(_module); }

private:
    ServedModule _module;
};

std::string contentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

} // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: dataplane_server PORT FILE\n";
        return 64;
    }
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    try {
        OneModule module(contentOf(arguments[2]));
        Metrics metrics;
        DataPlaneOptions options;
        options.listen = std::string("127.0.0.1:") + arguments[1];
        options.threads = 1;
        DataPlane plane(options, module, metrics);
        plane.start();
        int signal = 0;
        sigwait(&ends, &signal);
        plane.stop();
    } catch (const std::exception& error) {
        std::cerr << "dataplane_server: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
