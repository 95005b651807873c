// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/ClusterAccess.h"

#include "FileText.h"
#include "wasmproxy/oci/Error.h"

namespace wasmproxy::kubernetes {
namespace {

std::string_view withoutSpace(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// What `source` holds; `last` where its file cannot be read now and could before.
Secret valueOf(const TextSource& source, const char* what, bool wasRead, std::string_view last) {
    if (source.path.empty()) return source.text;
    try {
        Secret text = readFileText(source.path, what, ErrorCode::CredentialSourceFault);
        if (!withoutSpace(text.reveal()).empty()) return text;
        throw Error(ErrorCode::CredentialSourceFault, std::string(what) + " " + source.path + " is empty");
    } catch (const Error&) {
        if (!wasRead) throw;
        return Secret(last);
    }
}

} // namespace

ClusterAccess::ClusterAccess(ClusterConfig config, std::chrono::steady_clock::duration maxAge)
    : _config(std::move(config)), _maxAge(maxAge) {}

Secret ClusterAccess::token() {
    const std::lock_guard<std::mutex> lock(_mutex);
    refresh(false);
    return _token;
}

std::shared_ptr<const HttpTls> ClusterAccess::tls() {
    const std::lock_guard<std::mutex> lock(_mutex);
    refresh(false);
    return _tls;
}

bool ClusterAccess::refused(const Secret& shown) {
    const std::lock_guard<std::mutex> lock(_mutex);
    refresh(true);
    return _token != shown;
}

void ClusterAccess::refresh(bool now) {
    const auto time = std::chrono::steady_clock::now();
    if (_read && !now && time - _readAt < _maxAge) return;
    const Secret token = valueOf(_config.token, "token", _read, _token.reveal());
    const auto last = _tls ? _tls : std::make_shared<const HttpTls>();
    HttpTls tls;
    tls.authorities = valueOf(_config.authorities, "certificate-authority", _read, last->authorities).reveal();
    tls.certificate = valueOf(_config.certificate, "client-certificate", _read, last->certificate).reveal();
    tls.key = valueOf(_config.key, "client-key", _read, last->key.reveal());
    _token = Secret(withoutSpace(token.reveal()));
    // Connections are shared by equal values only; the same object says so at once.
    if (!_tls || tls.authorities != last->authorities || tls.certificate != last->certificate || tls.key != last->key)
        _tls = std::make_shared<const HttpTls>(std::move(tls));
    _read = true;
    _readAt = time;
}

} // namespace wasmproxy::kubernetes
