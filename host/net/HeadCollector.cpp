// SPDX-License-Identifier: Apache-2.0
#include "net/HeadCollector.h"

#include "net/HttpText.h"

namespace wasmproxy::host {
namespace {

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

} // namespace

void HeadCollector::line(std::string_view raw) {
    _bytes += raw.size();
    if (_bytes > _maxBytes) refuse("sent more than " + std::to_string(_maxBytes) + " bytes of headers");
    if (_complete) return; // a trailer
    if (!raw.empty() && raw.back() == '\n') raw.remove_suffix(1);
    if (!raw.empty() && raw.back() == '\r') raw.remove_suffix(1);
    if (!_inBlock) return statusLine(raw);
    if (!raw.empty()) return field(raw);
    _inBlock = false;
    if (_status >= 200) finish();
}

void HeadCollector::statusLine(std::string_view line) {
    const bool good = line.size() >= 12 && line.substr(0, 7) == "HTTP/1." && (line[7] == '0' || line[7] == '1') &&
                      line[8] == ' ' && isDigit(line[9]) && isDigit(line[10]) && isDigit(line[11]) &&
                      (line.size() == 12 || line[12] == ' ') && !hasControl(line);
    if (!good) refuse("sent a status line that is not HTTP/1.1");
    _status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (_status < 100 || _status > 599 || _status == 101) refuse("answered with status " + std::to_string(_status));
    _headers.clear();
    _inBlock = true;
}

void HeadCollector::field(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !isToken(line.substr(0, colon))) refuse("sent a malformed header line");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (hasControl(value)) refuse("sent a control character in header " + std::string(name));
    _headers.push_back({std::string(name), std::string(value)});
}

void HeadCollector::finish() {
    std::string_view length;
    for (const auto& header : _headers) {
        if (equalsIgnoringCase(header.name, "Content-Encoding")) {
            if (!header.value.empty() && !equalsIgnoringCase(header.value, "identity"))
                refuse("used a content coding that was not asked for");
        } else if (equalsIgnoringCase(header.name, "Transfer-Encoding")) {
            if (!equalsIgnoringCase(header.value, "chunked")) refuse("used a transfer coding other than chunked");
            _framed = true;
        } else if (equalsIgnoringCase(header.name, "Content-Length")) {
            const bool number = !header.value.empty() && header.value.size() <= 18 &&
                                std::all_of(header.value.begin(), header.value.end(), isDigit);
            if (!number || (!length.empty() && length != header.value)) refuse("sent an unusable Content-Length");
            length = header.value;
            _framed = true;
        }
    }
    _complete = true;
}

void HeadCollector::refuse(const std::string& why) const {
    throw Error(ErrorCode::UpstreamInvalid, _where + " " + why);
}

} // namespace wasmproxy::host
