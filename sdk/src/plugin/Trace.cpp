// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Trace.h"

#include <algorithm>

namespace wasmproxy {
namespace {

// version "-" trace-id "-" parent-id "-" flags
constexpr std::size_t TraceIdAt = 3;
constexpr std::size_t TraceIdLength = 32;
constexpr std::size_t ParentIdAt = 36;
constexpr std::size_t ParentIdLength = 16;
constexpr std::size_t FlagsAt = 53;
constexpr std::size_t Length = 55;

bool isHex(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// All zeros is the specification's word for "none".
bool isId(std::string_view text) {
    return isHex(text) && text.find_first_not_of('0') != text.npos;
}

bool isParent(std::string_view text) {
    if (text.size() < Length || text[2] != '-' || text[ParentIdAt - 1] != '-' || text[FlagsAt - 1] != '-') return false;
    const auto version = text.substr(0, 2);
    if (!isHex(version) || version == "ff") return false;
    // Later versions may add to the end, after another dash.
    if (text.size() > Length && (version == "00" || text[Length] != '-')) return false;
    return isId(text.substr(TraceIdAt, TraceIdLength)) && isId(text.substr(ParentIdAt, ParentIdLength)) &&
           isHex(text.substr(FlagsAt, 2));
}

bool isPrintable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace

Trace Trace::parse(std::string_view parent, std::string_view state) {
    Trace trace;
    if (!isParent(parent)) return trace;
    trace._traceId = parent.substr(TraceIdAt, TraceIdLength);
    // The last bit of the flags; the others have no meaning in the version that we send.
    const char last = parent[FlagsAt + 1];
    trace._sampled = ((last <= '9' ? last - '0' : last - 'a' + 10) & 1) != 0;
    if (state.size() <= MaxState && isPrintable(state)) trace._state = state;
    return trace;
}

std::string Trace::parentHeader(const std::string& spanId) const {
    return "00-" + _traceId + "-" + spanId + (_sampled ? "-01" : "-00");
}

} // namespace wasmproxy
