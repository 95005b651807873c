// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/CurlTransport.h"
#include "support/ExpectError.h"
#include "support/KubeApi.h"
#include "wasmproxy/kubernetes/Watch.h"
#include "wasmproxy/testing/TestServices.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>

namespace wasmproxy::test {

using namespace std::chrono_literals;
using namespace kubernetes;

inline host::TransportSettings transportSettings() {
    host::TransportSettings settings;
    settings.instance = "test";
    settings.allowPrivateAddresses = true; // as the host gives them to credential sources
    return settings;
}

/// An API server on a socket and a client of it.
struct Cluster {
    KubeApi api;
    host::CurlTransport transport{transportSettings()};
    testing::TestServices services{transport};
    ApiClient client{services, config()};

    ClusterConfig config() const {
        ClusterConfig result;
        result.server = api.url();
        return result;
    }
};

/// Keeps what a Watch says: name -> `value` of the object.
class Recorder final : public WatchListener {
public:
    void listBegins() override { _listed.clear(); }
    void listed(const StrictJson& object) override { _listed[nameOf(object)] = valueOf(object); }
    void listEnds() override {
        update([&] {
            _known = _listed;
            ++_lists;
        });
    }
    void changed(const StrictJson& object) override {
        update([&] { _known[nameOf(object)] = valueOf(object); });
    }
    void deleted(const StrictJson& object) override {
        update([&] { _known.erase(nameOf(object)); });
    }
    void failed(const Error& error) override {
        update([&] {
            ++_failures;
            _lastFailure = error.what();
        });
    }

    using Objects = std::map<std::string, std::string>;
    bool await(const Objects& expected, std::chrono::milliseconds time = 5000ms) {
        return wait(time, [&] { return _lists > 0 && _known == expected; });
    }
    bool awaitFailures(int count, std::chrono::milliseconds time = 5000ms) {
        return wait(time, [&] { return _failures >= count; });
    }
    bool awaitLists(int count, std::chrono::milliseconds time = 5000ms) {
        return wait(time, [&] { return _lists >= count; });
    }
    int lists() {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _lists;
    }
    int failures() {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _failures;
    }
    std::string lastFailure() {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _lastFailure;
    }
    Objects known() {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _known;
    }

private:
    static std::string nameOf(const StrictJson& object) { return object.at("metadata").at("name").asString(); }
    static std::string valueOf(const StrictJson& object) { return object.stringOr("value", ""); }
    template <class Act>
    void update(Act act) {
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            act();
        }
        _changed.notify_all();
    }
    template <class Done>
    bool wait(std::chrono::milliseconds time, Done done) {
        std::unique_lock<std::mutex> lock(_mutex);
        return _changed.wait_for(lock, time, done);
    }

    std::mutex _mutex;
    std::condition_variable _changed;
    Objects _listed;
    Objects _known;
    int _lists = 0;
    int _failures = 0;
    std::string _lastFailure;
};

} // namespace wasmproxy::test
