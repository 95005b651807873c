// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace wasmproxy::redis {

/// Whom we believe and what we show, read from files. Immutable; thread-safe.
class TlsTrust {
public:
    /// Empty names are left out: the system's authorities, no certificate of ours. Throws ServerFault naming the key.
    TlsTrust(const std::string& caFile, const std::string& certificate, const std::string& key);

    ssl_ctx_st* get() const noexcept { return _context.get(); }

private:
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> _context;
};

/// What OpenSSL noted last on this thread, and forgets it; "unknown error" where it noted nothing.
std::string opensslText();

} // namespace wasmproxy::redis
