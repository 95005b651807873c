// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/HeadCollector.h"
#include "net/LanePool.h"
#include "net/SpeedGuard.h"
#include "net/Target.h"
#include "net/Upload.h"

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::host {

/// One request in progress. Holds a lane until the answer has ended or nobody wants it any more, and drives it only
/// inside awaitHead() and read(). At most some 256 KiB of the body are held; past that the connection is not read.
class Exchange : public HttpResponse {
public:
    /// Throws Error{Internal} for a request that must not be sent.
    Exchange(std::shared_ptr<LanePool> pool, const Call& call, const HttpRequest& request);
    ~Exchange() override;

    const Target& target() const noexcept { return _target; }
    void awaitHead();

    int status() const noexcept override { return _head.status(); }
    const std::vector<HttpHeader>& headers() const noexcept override { return _head.headers(); }
    std::size_t read(char* buffer, std::size_t size) override;

private:
    using Clock = Call::Clock;
    static constexpr std::size_t BufferLimit = 256 * 1024;

    void configure(const HttpRequest& request);
    void configureBody(const HttpRequest& request);
    void configureConnection();
    void configureTls(const HttpTls* own);
    void setBlob(CURLoption option, std::string_view bytes);
    void setHeaders(const HttpRequest& request);
    void addTrace();
    void sign(const AwsSignature& signature);
    void addHeader(const std::string& line);
    template <class T>
    void set(CURLoption option, T value);

    void perform();
    void wait(Clock::time_point until);
    void finished(CURLcode code);
    void leaveLane();
    bool hasNoBody() const;
    void watchForCloseNotify();
    [[noreturn]] void failBody();
    Error refusedAddress() const;

    static std::size_t onHeader(char* bytes, std::size_t size, std::size_t count, void* self);
    static std::size_t onBody(char* bytes, std::size_t size, std::size_t count, void* self);
    static std::size_t onUpload(char* buffer, std::size_t size, std::size_t count, void* self);
    static int onRewind(void* self, curl_off_t offset, int origin);
    static curl_socket_t onOpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address);
    template <class Step>
    bool guarded(Step step) noexcept;

    std::shared_ptr<LanePool> _pool;
    const TransportSettings& _settings;
    Target _target;
    const Call& _call;
    bool _trusted;
    bool _isHead;
    bool _viaProxy;
    HeadCollector _head;
    SpeedGuard _speed;
    std::string _requestBody;
    std::optional<Upload> _upload;
    curl_slist* _requestHeaders = nullptr;
    char _reason[CURL_ERROR_SIZE] = {};

    std::unique_ptr<Lane> _lane;
    bool _added = false;
    bool _paused = false;
    bool _done = false;
    bool _dialled = false;
    bool _endsWithTls = false; ///< the body has no length, so only TLS's close_notify proves its end
    bool _closeNotified = false;
    std::vector<std::string> _refusedPrivate;
    std::vector<std::string> _refusedForbidden;
    std::exception_ptr _failure; ///< from a callback, or how the transfer ended; thrown on the way out
    std::string _body;           ///< received, not read yet from _offset on
    std::size_t _offset = 0;
    std::uint64_t _received = 0;
};

} // namespace wasmproxy::host
