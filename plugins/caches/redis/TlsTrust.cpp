// SPDX-License-Identifier: Apache-2.0
#include "TlsTrust.h"

#include "ServerFault.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>

namespace wasmproxy::redis {

std::string opensslText() {
    const unsigned long first = ERR_peek_error();
    const char* reason = first == 0 ? nullptr : ERR_reason_error_string(first);
    std::string text = reason != nullptr ? reason : "unknown error";
    if (first != 0 && ERR_SYSTEM_ERROR(first)) text = std::strerror(ERR_GET_REASON(first));
    ERR_clear_error();
    return text;
}

TlsTrust::TlsTrust(const std::string& caFile, const std::string& certificate, const std::string& key)
    : _context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    ERR_clear_error();
    if (!_context) throw ServerFault("cannot set TLS up: " + opensslText());
    const auto demand = [](int good, const std::string& name, const std::string& file) {
        if (good != 1) throw ServerFault(name + ": cannot use " + file + ": " + opensslText());
    };
    SSL_CTX_set_min_proto_version(_context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(_context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(_context.get(), SSL_SESS_CACHE_OFF);
    // A key with a passphrase is an error, not a question on the terminal.
    SSL_CTX_set_default_passwd_cb(_context.get(), [](char*, int, int, void*) { return 0; });
    if (caFile.empty())
        SSL_CTX_set_default_verify_paths(_context.get());
    else
        demand(SSL_CTX_load_verify_file(_context.get(), caFile.c_str()), "ca-file", caFile);
    if (certificate.empty()) return;
    demand(SSL_CTX_use_certificate_chain_file(_context.get(), certificate.c_str()), "client-certificate", certificate);
    demand(SSL_CTX_use_PrivateKey_file(_context.get(), key.c_str(), SSL_FILETYPE_PEM), "client-key", key);
    demand(SSL_CTX_check_private_key(_context.get()), "client-key", key);
}

} // namespace wasmproxy::redis
