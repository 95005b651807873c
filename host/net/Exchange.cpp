// SPDX-License-Identifier: Apache-2.0
#include "net/Exchange.h"

#include "net/AddressPolicy.h"
#include "net/CurlFailure.h"
#include "net/ProxyRule.h"

#include "wasmproxy/plugin/Secret.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

namespace wasmproxy::host {
namespace {

std::string textOf(const sockaddr& address) {
    char text[INET6_ADDRSTRLEN] = "an address of an unknown family";
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
    } else if (address.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof(in));
        inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
    }
    return text;
}

int closeNotifyFlag() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

void onTlsEvent(const SSL* tls, int where, int value) {
    if (where == SSL_CB_READ_ALERT && (value & 0xff) == SSL_AD_CLOSE_NOTIFY)
        *static_cast<bool*>(SSL_get_ex_data(tls, closeNotifyFlag())) = true;
}

} // namespace

Exchange::Exchange(std::shared_ptr<LanePool> pool, const Call& call, const HttpRequest& request)
    : _pool(std::move(pool)),
      _settings(_pool->settings),
      _target(request.url),
      _call(call),
      _trusted(_settings.trustedHosts.count(_target.host()) != 0),
      _isHead(request.method == "HEAD"),
      _viaProxy(!_settings.proxy.empty() && !bypassesProxy(_settings.noProxy, _target.host(), _target.port())),
      _head(_target.hostAndPort(), _settings.maxHeaderBytes),
      _speed(request.streaming ? 0 : _settings.lowSpeedBytes, _settings.lowSpeedTime),
      _lane(_pool->acquire(_target.origin())) {
    try {
        configure(request);
    } catch (...) {
        leaveLane();
        throw;
    }
}

Exchange::~Exchange() {
    leaveLane();
    Secret::wipe(_body); // tokens and Secrets come through it
}

void Exchange::awaitHead() {
    auto headDeadline = Clock::now() + _settings.headTimeout;
    _call.check(("asking " + _target.hostAndPort()).c_str());
    // A proxy resolves names itself, so of those only literals can be judged here.
    if (_viaProxy && !_trusted) {
        const auto literal = literalAddress(_target.host());
        if (literal) {
            const auto kind = classify(reinterpret_cast<const sockaddr&>(*literal));
            if (kind == AddressClass::Forbidden) _refusedForbidden.push_back(_target.host());
            if (kind == AddressClass::Private && !_settings.allowPrivateAddresses)
                _refusedPrivate.push_back(_target.host());
            if (!_refusedForbidden.empty() || !_refusedPrivate.empty()) throw refusedAddress();
        }
    }
    const CURLMcode code = curl_multi_add_handle(_lane->multi(), _lane->easy());
    if (code != CURLM_OK) throw Error(ErrorCode::Internal, std::string("libcurl: ") + curl_multi_strerror(code));
    _added = true;
    while (true) {
        perform();
        if (_head.complete()) return; // what went wrong after it is read()'s to say
        if (_failure) std::rethrow_exception(_failure);
        _call.check(("waiting for " + _target.hostAndPort()).c_str());
        const bool sending = _upload && _upload->sending(Clock::now());
        if (sending) headDeadline = Clock::now() + _settings.headTimeout; // its time begins when the body is there
        if (Clock::now() >= headDeadline) {
            throw Error(ErrorCode::UpstreamUnavailable, _target.hostAndPort() +
                                                            " sent no complete answer head within " +
                                                            std::to_string(_settings.headTimeout.count()) + " ms");
        }
        wait(sending ? Clock::now() + _upload->slice() : headDeadline);
    }
}

std::size_t Exchange::read(char* buffer, std::size_t size) {
    if (size == 0) throw Error(ErrorCode::Internal, "a body is read into a buffer of no bytes");
    while (_offset == _body.size()) {
        if (_failure) std::rethrow_exception(_failure);
        if (_done) return 0;
        const auto before = Clock::now();
        const auto received = _received;
        _call.check(("reading a body from " + _target.hostAndPort()).c_str());
        perform();
        if (_received != received || _done || _failure) {
            if (_speed.tooSlow(Clock::now() - before, _received - received) && !_done) failBody();
            continue;
        }
        wait(before + _speed.slice());
        if (_speed.tooSlow(Clock::now() - before, 0)) failBody();
    }
    const std::size_t count = std::min(size, _body.size() - _offset);
    std::memcpy(buffer, _body.data() + _offset, count);
    _offset += count;
    if (_offset == _body.size()) {
        _body.clear();
        _offset = 0;
    }
    return count;
}

void Exchange::failBody() {
    leaveLane();
    _failure = std::make_exception_ptr(
        Error(ErrorCode::UpstreamUnavailable, "the body from " + _target.hostAndPort() + " came slower than " +
                                                  std::to_string(_settings.lowSpeedBytes) + " bytes/s for " +
                                                  std::to_string(_settings.lowSpeedTime.count()) + " ms"));
    std::rethrow_exception(_failure);
}

void Exchange::perform() {
    if (_paused) {
        _paused = false;
        curl_easy_pause(_lane->easy(), CURLPAUSE_CONT); // delivers what libcurl holds, and may pause again
    }
    int running = 0;
    const CURLMcode code = curl_multi_perform(_lane->multi(), &running);
    if (code != CURLM_OK) {
        leaveLane();
        throw Error(ErrorCode::Internal, std::string("libcurl: ") + curl_multi_strerror(code));
    }
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(_lane->multi(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        finished(message->data.result);
        return; // the lane is gone
    }
    if (_failure) leaveLane();
}

void Exchange::wait(Clock::time_point until) {
    constexpr std::chrono::milliseconds Longest{200}; // how late a cancelled Call may be seen
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::min(until, _call.deadline()) - Clock::now());
    if (left.count() <= 0) return;
    curl_multi_poll(_lane->multi(), nullptr, 0, static_cast<int>(std::min(left, Longest).count()), nullptr);
}

void Exchange::finished(CURLcode code) {
    leaveLane();
    _done = true;
    if (_failure) return; // a callback's, which says more
    if (code == CURLE_OK && _head.complete() && (!_endsWithTls || _closeNotified)) return;
    if (_call.expired()) {
        _failure = std::make_exception_ptr(
            Error(ErrorCode::DeadlineExceeded, "deadline passed while waiting for " + _target.hostAndPort()));
    } else if (!_dialled && (!_refusedPrivate.empty() || !_refusedForbidden.empty())) {
        _failure = std::make_exception_ptr(refusedAddress());
    } else if (code == CURLE_OK && _head.complete()) {
        _failure = std::make_exception_ptr(
            Error(ErrorCode::UpstreamUnavailable, _target.hostAndPort() + " cut a body that has no length"));
    } else if (code == CURLE_OK) { // libcurl takes an end inside the head for the end of an empty body
        _failure = std::make_exception_ptr(
            Error(ErrorCode::UpstreamUnavailable, _target.hostAndPort() + " closed the connection inside its head"));
    } else {
        _failure =
            std::make_exception_ptr(failureOf(code, _target.hostAndPort(), _reason, _head.complete(), _settings));
    }
}

bool Exchange::hasNoBody() const {
    return _isHead || _head.status() == 204 || _head.status() == 304;
}

/// libcurl 7.88 takes a TLS connection that is just gone for a clean end. The connection of such a body serves no other
/// request, so the flag lives as long as it needs to.
void Exchange::watchForCloseNotify() {
    curl_tlssessioninfo* session = nullptr;
    if (curl_easy_getinfo(_lane->easy(), CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == nullptr) return;
    if (session->backend != CURLSSLBACKEND_OPENSSL || session->internals == nullptr) return;
    SSL* tls = static_cast<SSL*>(session->internals);
    SSL_set_ex_data(tls, closeNotifyFlag(), &_closeNotified);
    SSL_set_info_callback(tls, onTlsEvent);
    _endsWithTls = true;
}

void Exchange::leaveLane() {
    if (_lane) {
        // Removing an unfinished transfer closes its connection.
        if (_added) curl_multi_remove_handle(_lane->multi(), _lane->easy());
        _lane->endExchange();
        _pool->release(std::move(_lane));
    }
    Secret::wipe(_requestBody);
    for (curl_slist* entry = _requestHeaders; entry != nullptr; entry = entry->next) {
        OPENSSL_cleanse(entry->data, std::strlen(entry->data));
    }
    curl_slist_free_all(_requestHeaders);
    _requestHeaders = nullptr;
}

Error Exchange::refusedAddress() const {
    const bool forbidden = _refusedPrivate.empty();
    const std::string& address = forbidden ? _refusedForbidden.front() : _refusedPrivate.front();
    const std::string name = _target.host() == address ? address : _target.host() + " (" + address + ")";
    if (forbidden)
        return Error(ErrorCode::AddressRefused, "host " + name + " is a link-local, metadata or reserved address, " +
                                                    "which is never dialled for a host that no setting names");
    return Error(ErrorCode::AddressRefused, "host " + name + " is a private address, and no setting names this host",
                 "if it is meant, set backend." + _settings.instance + ".allow-private-addresses = true");
}

/// No exception may cross libcurl's frames.
template <class Step>
bool Exchange::guarded(Step step) noexcept {
    if (_failure) return false;
    try {
        step();
        return true;
    } catch (...) {
        _failure = std::current_exception();
        return false;
    }
}

std::size_t Exchange::onHeader(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const bool good = exchange.guarded([&] {
        const bool before = exchange._head.complete();
        exchange._head.line({bytes, size * count});
        if (!before && exchange._head.complete() && !exchange._head.framed() && !exchange.hasNoBody())
            exchange.watchForCloseNotify();
    });
    return good ? size * count : 0;
}

std::size_t Exchange::onBody(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange._body.size() - exchange._offset >= BufferLimit) {
        exchange._paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    const bool good = exchange.guarded([&] { exchange._body.append(bytes, size * count); });
    if (!good) return size * count + 1; // anything but what was offered is a failure
    exchange._received += size * count;
    return size * count;
}

std::size_t Exchange::onUpload(char* buffer, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    std::size_t read = 0;
    const bool good = exchange.guarded([&] { read = exchange._upload->read(buffer, size * count); });
    return good ? read : CURL_READFUNC_ABORT;
}

int Exchange::onRewind(void* self, curl_off_t offset, int origin) {
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Exchange*>(self)->_upload->rewind(static_cast<std::uint64_t>(offset));
    return CURL_SEEKFUNC_OK;
}

curl_socket_t Exchange::onOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& exchange = *static_cast<Exchange*>(self);
    curl_socket_t socket = CURL_SOCKET_BAD;
    exchange.guarded([&] {
        if (!exchange._trusted && !exchange._viaProxy) {
            const AddressClass kind = classify(address->addr);
            if (kind == AddressClass::Forbidden) return exchange._refusedForbidden.push_back(textOf(address->addr));
            if (kind == AddressClass::Private && !exchange._settings.allowPrivateAddresses)
                return exchange._refusedPrivate.push_back(textOf(address->addr));
        }
        exchange._dialled = true;
        socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    });
    return socket;
}

} // namespace wasmproxy::host
