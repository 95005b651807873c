// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/ScriptedServer.h"

#include <Poco/JSON/Object.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace wasmproxy::test {

/// An API server of Kubernetes as far as a client sees it that lists, watches, gets and updates namespaced objects:
/// objects in memory with resource versions, field and label selectors, permissions, and faults to order. Objects of
/// any resource ("secrets", "wasmextensions"); the group in the path is not looked at. Thread-safe.
class KubeApi {
public:
    using Milliseconds = std::chrono::milliseconds;

    /// What is done to answers from now on.
    struct Faults {
        int status = 0;                         ///< every request is answered so
        std::string retryAfter;                 ///< with that status
        int watchStatus = 0;                    ///< every watch is answered so
        std::size_t chunk = 0;                  ///< a watch's bytes are sent in chunks of that size; 0: an event each
        long cutAfter = -1;                     ///< a watch's connection breaks after so many bytes of its body
        bool endAtOnce = false;                 ///< a watch ends, well formed, without an event
        bool expireByEvent = true;              ///< an old resource version: an ERROR event, or else status 410
        std::size_t page = 0;                   ///< a list gives at most so many, whatever it is asked for
        bool expireContinue = false;            ///< a list's second page is answered 410, once
        std::chrono::milliseconds bookmarks{0}; ///< how often a watch sends one; 0: never
        int conflicts = 0;                      ///< so many updates are answered 409
        std::chrono::milliseconds delay{0};     ///< before each answer; ends with this fault
        std::string garbage;                    ///< is sent in place of the next event, once
    };

    explicit KubeApi(const Certificate* certificate = nullptr);
    ~KubeApi();

    std::string url() const;
    int port() const noexcept { return _port; }

    /// Everything is allowed until the first call of this. `name` empty: for all names.
    void allow(const std::string& verb, const std::string& resource, const std::string& name = {});
    void allowEverything();
    void forbidAll();
    void requireToken(const std::string& token);

    /// `data`: values as they are, not yet base64.
    void putSecret(const std::string& nameSpace, const std::string& name, const std::string& type,
                   const std::map<std::string, std::string>& data,
                   const std::map<std::string, std::string>& labels = {});
    /// The Secret that `kubectl create secret docker-registry` makes.
    void putRegistrySecret(const std::string& nameSpace, const std::string& name, const std::string& registry,
                           const std::string& username, const std::string& password);
    /// Any object; name and namespace are set in its metadata.
    void put(const std::string& resource, const std::string& nameSpace, const std::string& name,
             const std::string& json);
    void remove(const std::string& resource, const std::string& nameSpace, const std::string& name);
    std::string json(const std::string& resource, const std::string& nameSpace, const std::string& name) const;

    void setFaults(const Faults& faults);
    void forgetHistory(); ///< every resource version until now is too old
    void endWatches();    ///< all that are open, well formed
    void goAway();        ///< refuses connections, cuts those there are
    void comeBack();      ///< on the same port

    int requests(const std::string& verb) const; ///< "list", "watch", "get", "update": how many there were
    std::vector<std::string> paths() const;      ///< of all requests
    int openWatches() const;
    bool awaitWatches(int count, Milliseconds time = Milliseconds(5000)) const; ///< that many are open

private:
    using Key = std::tuple<std::string, std::string, std::string>; // resource, namespace, name
    struct Entry {
        std::uint64_t version = 0;
        Poco::JSON::Object::Ptr object;
    };
    struct Event {
        std::uint64_t version = 0;
        std::string type;
        Key key;
        Poco::JSON::Object::Ptr object;
    };
    struct Request;

    void start();
    void serve(ScriptedServer::Connection& connection);
    bool answer(ScriptedServer::Connection& connection, const Request& request);
    bool list(ScriptedServer::Connection& connection, const Request& request);
    bool watch(ScriptedServer::Connection& connection, const Request& request);
    bool stream(ScriptedServer::Connection& connection, const Request& request, std::uint64_t round);
    bool update(ScriptedServer::Connection& connection, const Request& request);
    void store(const Key& key, Poco::JSON::Object::Ptr object);

    const Certificate* _certificate;
    mutable std::mutex _mutex;
    mutable std::condition_variable _changed;
    std::map<Key, Entry> _objects;
    std::deque<Event> _events;
    std::uint64_t _version = 1000;
    std::uint64_t _oldest = 0; ///< watches from before it have expired
    std::uint64_t _watchRound = 0;
    bool _stopping = false;
    bool _everything = true;
    std::set<std::tuple<std::string, std::string, std::string>> _allowed;
    std::string _token;
    Faults _faults;
    std::map<std::string, int> _requests;
    std::vector<std::string> _paths;
    int _open = 0;
    int _port = 0;
    std::unique_ptr<ScriptedServer> _server;
};

} // namespace wasmproxy::test
