// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy {

/// Where a request belongs in a trace, as its client said by W3C Trace Context. Only parse() makes one that is not
/// empty, so what it holds may go into a header or a log as it is. Immutable value.
class Trace {
public:
    static constexpr std::size_t MaxState = 512;

    /// No trace: nothing is logged, nothing is sent.
    Trace() = default;
    /// From the headers `traceparent` and `tracestate` (several: joined with commas). A traceparent that is not as the
    /// specification has it gives no trace; a tracestate that is longer than MaxState or not printable ASCII is left
    /// out.
    static Trace parse(std::string_view parent, std::string_view state);

    bool empty() const noexcept { return _traceId.empty(); }
    const std::string& traceId() const noexcept { return _traceId; } ///< 32 lower-case hexadecimal digits, or empty
    const std::string& state() const noexcept { return _state; }     ///< tracestate as it came; may be empty
    /// The `traceparent` of a request that is made for this one; `spanId`: that request's own, 16 hexadecimal digits.
    std::string parentHeader(const std::string& spanId) const;

private:
    std::string _traceId;
    std::string _state;
    bool _sampled = false;
};

} // namespace wasmproxy
