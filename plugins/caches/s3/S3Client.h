// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Authorities.h"
#include "ObjectList.h"
#include "S3Fault.h"
#include "Spool.h"
#include "wasmproxy/aws/HeldCredentials.h"
#include "wasmproxy/plugin/Breaker.h"

#include <memory>
#include <optional>

namespace wasmproxy::s3 {

/// The bucket's objects by signed requests. Thread-safe. Everything throws Error{StorageFault} that names the bucket,
/// at once while the store is left alone, or Error{DeadlineExceeded}.
class S3Client {
public:
    S3Client(HostServices& host, const S3Settings& settings, const aws::Environment& environment);

    const S3Address& address() const noexcept { return _address; }

    /// The whole object in pieces; nullptr: there is none, or it is larger than max-size.
    std::unique_ptr<Spool> fetch(Call& call, const std::string& key);
    /// nullopt: there is none.
    std::optional<std::string> fetchText(Call& call, const std::string& key, std::size_t limit);
    /// `sha256` in hexadecimal, of what is in the Spool.
    void store(Call& call, const std::string& key, const Spool& content, const std::string& sha256);
    void storeText(Call& call, const std::string& key, const std::string& text);
    bool exists(Call& call, const std::string& key);
    void remove(Call& call, const std::string& key); ///< not there: nothing happens
    ObjectList list(Call& call, const std::string& key, const std::string& continuation);

private:
    struct Answer {
        int status = 0;
        std::unique_ptr<HttpResponse> response; ///< null for 404 and 416
    };
    template <class Step>
    auto guarded(Call& call, const std::string& doing, Step step);
    Answer ask(Call& call, HttpRequest& request, const std::string& sha256);
    HttpRequest requestOf(const char* method, const std::string& key) const;
    /// One piece into the Spool; the object's size, nullopt: there is none.
    std::optional<std::uint64_t> fetchPiece(Call& call, const std::string& key, Spool& spool);

    HostServices& _host;
    const S3Address _address;
    const std::uint64_t _maxSize;
    const std::string _spoolDirectory;
    const std::chrono::milliseconds _timeout;
    Authorities _authorities;
    aws::HeldCredentials _credentials;
    Breaker _breaker;
};

} // namespace wasmproxy::s3
