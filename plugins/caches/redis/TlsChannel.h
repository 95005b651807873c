// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Channel.h"
#include "TlsTrust.h"

#include <memory>
#include <string>

struct bio_st;
struct ssl_st;

namespace wasmproxy::redis {

/// TLS over another channel: OpenSSL sees memory only, so that every wait is the channel's, with its bounds, and no
/// signal is raised.
class TlsChannel : public Channel {
public:
    /// Handshakes; the certificate must be for `host`, a name or an address. Throws ServerFault.
    TlsChannel(std::unique_ptr<Channel> below, std::shared_ptr<const TlsTrust> trust, const std::string& host,
               const Patience& patience);
    ~TlsChannel() override;

    void send(std::string_view bytes, const Patience& patience) override;
    std::size_t receive(char* buffer, std::size_t size, const Patience& patience) override;
    bool quiet() const override;

private:
    /// Carries on after a call of OpenSSL that returned `result`; throws where it failed for good.
    void serve(int result, const Patience& patience);
    void flush(const Patience& patience);
    [[noreturn]] void fail() const;

    std::unique_ptr<Channel> _below;
    std::shared_ptr<const TlsTrust> _trust;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> _session;
    bio_st* _in = nullptr;  ///< the session's: what came
    bio_st* _out = nullptr; ///< the session's: what is to be sent
    std::string _host;
};

} // namespace wasmproxy::redis
