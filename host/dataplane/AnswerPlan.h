// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/RequestHead.h"
#include "pull/ModuleService.h"

#include <cstdint>
#include <string>

namespace wasmproxy::host {

/// What is sent back: status, headers and, of a module, the byte range.
struct AnswerPlan {
    int status = 500;
    std::string headers;      ///< `Name: value\r\n` …, all but Date, Connection and X-Request-Id
    std::string text;         ///< a generated body; with it `length` is 0
    std::uint64_t offset = 0; ///< of the module's bytes to send
    std::uint64_t length = 0; ///< 0: none (HEAD, 304)
    bool mustClose = false;   ///< whatever follows on the connection cannot be trusted
};

/// A module as it could be sent.
struct Representation {
    std::uint64_t size = 0;
    std::string sha256;   ///< hex, of the module's bytes
    std::string manifest; ///< digest that the reference resolved to; may be empty
    CacheResult cache = CacheResult::Hit;
    bool immutable = false; ///< the URL names content, so it can never mean something else
};

/// Plans the answer that carries `module`: 200, 206, 304 or 416. Pure; the same for every surface.
AnswerPlan planAnswer(const RequestHead& request, const Representation& module, const std::string& requestId);

/// Plans the answer that tells a client of `error`. Only what a client may know is in it: the registry's own words are
/// for operators' logs. Pure.
AnswerPlan planError(const RequestHead& request, const Error& error, const std::string& requestId);

/// The same for what is wrong with the HTTP request itself: 400, 408, 431; the connection is closed after it.
AnswerPlan planRefusal(int status, const std::string& message, const std::string& requestId);

const char* reasonPhrase(int status) noexcept;

} // namespace wasmproxy::host
