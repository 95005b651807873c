// SPDX-License-Identifier: Apache-2.0
#include "Authorities.h"

#include "wasmproxy/aws/SmallFile.h"
#include "wasmproxy/oci/Error.h"

namespace wasmproxy::s3 {

std::shared_ptr<const HttpTls> Authorities::get() {
    if (_path.empty()) return nullptr;
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto now = std::chrono::steady_clock::now();
    if (_tls && now < _lookAgain) return _tls;
    try {
        const auto pem = aws::readSmallFile(_path, "ca-file");
        if (!pem || pem->empty())
            throw Error(ErrorCode::CredentialSourceFault, "ca-file " + _path + " is missing or empty");
        if (!_tls || _tls->authorities != pem->reveal()) {
            auto fresh = std::make_shared<HttpTls>();
            fresh->authorities = std::string(pem->reveal());
            _tls = std::move(fresh);
        }
    } catch (const Error&) {
        if (!_tls) throw; // else those read before stay in force
    }
    _lookAgain = now + std::chrono::minutes(1);
    return _tls;
}

} // namespace wasmproxy::s3
