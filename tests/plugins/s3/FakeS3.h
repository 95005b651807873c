// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpTransport.h"

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::s3::test {

/// One bucket in memory, as S3 answers. Every request must be signed with a known key and say its body's hash.
/// Thread-safe.
class FakeS3 : public HttpTransport {
public:
    struct Reply {
        int status = 200;
        std::string body;
        std::vector<HttpHeader> headers = {};
        std::size_t cutAfter = std::string::npos;
        bool silent = false; ///< nothing comes until the Call's deadline
    };
    struct Seen {
        std::string method;
        std::string url;
        std::string range;
        AwsSignature signature;
        bool ownTls = false;
    };
    /// May answer instead of the bucket, by returning true.
    using Script = std::function<bool(const HttpRequest&, Reply&)>;

    FakeS3(std::string bucketUrl, std::string keyId) : _base(std::move(bucketUrl)), _keys{std::move(keyId)} {}

    void set(Script script) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _script = std::move(script);
    }
    void know(const std::string& keyId) { _keys = {keyId}; }
    std::map<std::string, std::string> objects() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _objects;
    }
    void put(const std::string& key, const std::string& bytes) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _objects[key] = bytes;
    }
    std::vector<Seen> takeSeen() {
        const std::lock_guard<std::mutex> lock(_mutex);
        return std::exchange(_seen, {});
    }
    std::size_t pageSize = 1000;
    bool ranges = true;

    std::unique_ptr<HttpResponse> send(Call& call, const HttpRequest& request) override;

private:
    Reply answer(const HttpRequest& request, const std::string& body);
    Reply get(const HttpRequest& request, const std::string& bytes) const;
    Reply list(const std::string& query) const;

    const std::string _base;
    mutable std::mutex _mutex;
    std::set<std::string> _keys;
    std::map<std::string, std::string> _objects;
    std::vector<Seen> _seen;
    Script _script;
};

} // namespace wasmproxy::s3::test
