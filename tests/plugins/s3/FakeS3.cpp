// SPDX-License-Identifier: Apache-2.0
#include "FakeS3.h"

#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <unistd.h>

namespace wasmproxy::s3::test {
namespace {

class Answer : public HttpResponse {
public:
    explicit Answer(FakeS3::Reply reply) : _reply(std::move(reply)) {}
    int status() const noexcept override { return _reply.status; }
    const std::vector<HttpHeader>& headers() const noexcept override { return _reply.headers; }
    std::size_t read(char* buffer, std::size_t size) override {
        if (_offset >= _reply.cutAfter) throw Error(ErrorCode::UpstreamUnavailable, "the fake cut the body");
        const auto count = std::min({size, _reply.body.size() - _offset, _reply.cutAfter - _offset});
        std::memcpy(buffer, _reply.body.data() + _offset, count);
        _offset += count;
        return count;
    }

private:
    const FakeS3::Reply _reply;
    std::size_t _offset = 0;
};

std::string headerOf(const HttpRequest& request, const std::string& name) {
    for (const auto& header : request.headers)
        if (header.name == name) return header.value;
    return {};
}

std::string bodyOf(const HttpRequest& request) {
    if (!request.upload) return request.body;
    std::string body(static_cast<std::size_t>(request.upload->size), '\0');
    std::size_t at = 0;
    while (at < body.size()) {
        const auto count = ::pread(request.upload->descriptor, &body[at], body.size() - at, static_cast<off_t>(at));
        if (count <= 0) throw Error(ErrorCode::Internal, "the fake cannot read the upload");
        at += static_cast<std::size_t>(count);
    }
    return body;
}

FakeS3::Reply refusal(int status, const std::string& code) {
    return {status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code + "</Code><Message>fake " +
                        code + "</Message></Error>"};
}

std::string decoded(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
        i += 2;
    }
    return result;
}

} // namespace

std::unique_ptr<HttpResponse> FakeS3::send(Call& call, const HttpRequest& request) {
    const std::string body = bodyOf(request);
    Reply reply;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _seen.push_back({request.method, request.url, headerOf(request, "Range"),
                         request.signature.value_or(AwsSignature{}), request.tls != nullptr});
        if (!_script || !_script(request, reply)) reply = answer(request, body);
        if (request.method == "HEAD") reply.body.clear();
    }
    if (reply.silent) {
        while (!call.expired())
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        call.check("waiting for the fake");
    }
    return std::make_unique<Answer>(std::move(reply));
}

FakeS3::Reply FakeS3::answer(const HttpRequest& request, const std::string& body) {
    if (!request.signature || request.signature->service != "s3") return refusal(403, "AccessDenied");
    if (_keys.count(request.signature->accessKeyId) == 0) return refusal(403, "InvalidAccessKeyId");
    if (headerOf(request, "x-amz-content-sha256") != Digest::of(body).hex())
        return refusal(400, "XAmzContentSHA256Mismatch");
    if (request.url.compare(0, _base.size() + 1, _base + "/") != 0) return refusal(404, "NoSuchBucket");
    const std::string key = request.url.substr(_base.size() + 1);
    if (key.compare(0, 1, "?") == 0) return list(key.substr(1));
    if (request.method == "PUT") {
        _objects[key] = body;
        return {};
    }
    const auto found = _objects.find(key);
    if (request.method == "DELETE") {
        if (found != _objects.end()) _objects.erase(found);
        return {204, ""};
    }
    if (found == _objects.end()) return refusal(404, "NoSuchKey");
    return get(request, found->second);
}

FakeS3::Reply FakeS3::get(const HttpRequest& request, const std::string& bytes) const {
    const auto range = headerOf(request, "Range");
    if (range.empty() || !ranges) return {200, bytes, {{"Content-Length", std::to_string(bytes.size())}}};
    const auto dash = range.find('-');
    const std::size_t first = std::stoull(range.substr(6, dash - 6));
    if (first >= bytes.size()) return refusal(416, "InvalidRange");
    const auto last = std::min<std::size_t>(std::stoull(range.substr(dash + 1)), bytes.size() - 1);
    return {206,
            bytes.substr(first, last - first + 1),
            {{"Content-Range",
              "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(bytes.size())}}};
}

FakeS3::Reply FakeS3::list(const std::string& query) const {
    std::map<std::string, std::string> parts;
    std::string before;
    std::size_t begin = 0;
    while (begin < query.size()) {
        const auto end = std::min(query.find('&', begin), query.size());
        const auto equals = query.find('=', begin);
        const auto name = query.substr(begin, equals - begin);
        if (name <= before) return refusal(403, "SignatureDoesNotMatch"); // S3 signs them sorted
        parts[name] = decoded(query.substr(equals + 1, end - equals - 1));
        before = name;
        begin = end + 1;
    }
    const std::string prefix = parts["prefix"];
    const std::string after = parts["continuation-token"];
    std::string contents, last;
    std::size_t count = 0;
    bool more = false;
    for (const auto& [key, bytes] : _objects) {
        if (key.compare(0, prefix.size(), prefix) != 0 || (!after.empty() && key <= after.substr(2))) continue;
        if (count == pageSize) {
            more = true;
            break;
        }
        ++count;
        last = key;
        contents += "<Contents><Key>" + key +
                    "</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                    "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>" +
                    std::to_string(bytes.size()) + "</Size><StorageClass>STANDARD</StorageClass></Contents>";
    }
    return {200, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                 "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>" +
                     prefix + "</Prefix><KeyCount>" + std::to_string(count) + "</KeyCount><Delimiter/>" +
                     "<IsTruncated>" + (more ? "true" : "false") + "</IsTruncated>" +
                     (more ? "<NextContinuationToken>+=" + last + "</NextContinuationToken>" : "") + contents +
                     "</ListBucketResult>"};
}

} // namespace wasmproxy::s3::test
