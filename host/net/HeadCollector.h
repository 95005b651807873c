// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpTransport.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::host {

/// Builds an answer's head from its lines and refuses what a careful client must not pass on. Interim (1xx) answers are
/// dropped but count against the byte limit, and so do a chunked body's trailers.
class HeadCollector {
public:
    /// `where` names the other side in errors.
    HeadCollector(std::string where, std::size_t maxBytes) : _where(std::move(where)), _maxBytes(maxBytes) {}

    /// One line as it came, with its line end. Throws Error{UpstreamInvalid}.
    void line(std::string_view raw);

    bool complete() const noexcept { return _complete; }
    /// The body's end is marked by more than the connection's.
    bool framed() const noexcept { return _framed; }
    int status() const noexcept { return _status; }
    const std::vector<HttpHeader>& headers() const noexcept { return _headers; }

private:
    void statusLine(std::string_view line);
    void field(std::string_view line);
    void finish();
    [[noreturn]] void refuse(const std::string& why) const;

    std::string _where;
    std::size_t _maxBytes;
    std::size_t _bytes = 0;
    bool _inBlock = false;
    bool _complete = false;
    bool _framed = false;
    int _status = 0;
    std::vector<HttpHeader> _headers;
};

} // namespace wasmproxy::host
