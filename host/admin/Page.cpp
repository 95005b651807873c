// SPDX-License-Identifier: Apache-2.0
#include "admin/Page.h"

#include "admin/RequestRules.h"

#include <Poco/Base64Decoder.h>
#include <Poco/Base64Encoder.h>
#include <Poco/Exception.h>

#include <istream>
#include <iterator>
#include <sstream>

namespace wasmproxy::host {
namespace {

constexpr std::size_t LongestCursor = 4096;

std::string decoded(const std::string& text) {
    std::istringstream in(text);
    Poco::Base64Decoder decoder(in, Poco::BASE64_URL_ENCODING | Poco::BASE64_NO_PADDING);
    try {
        return {std::istreambuf_iterator<char>(decoder), {}};
    } catch (const Poco::DataFormatException&) {
        return {};
    }
}

} // namespace

Page::Page(const AdminRequest& request) {
    if (const auto text = request.parameter("limit"); !text.empty()) {
        const bool digits = text.find_first_not_of("0123456789") == std::string::npos && text.size() <= 4;
        _limit = digits ? std::stoul(text) : 0;
        if (_limit == 0 || _limit > MaxLimit)
            throw RequestRefusal{400, "limit must be 1 to " + std::to_string(MaxLimit)};
    }
    if (const auto text = request.parameter("after"); !text.empty()) {
        if (text.size() <= LongestCursor) _after = decoded(text);
        if (_after.empty() || cursor(_after) != text)
            throw RequestRefusal{400, "after is no cursor: take the \"next\" of the page before, as it is"};
    }
}

std::string Page::cursor(const std::string& key) {
    std::ostringstream out;
    Poco::Base64Encoder encoder(out, Poco::BASE64_URL_ENCODING | Poco::BASE64_NO_PADDING);
    encoder.rdbuf()->setLineLength(0);
    encoder << key;
    encoder.close();
    return out.str();
}

} // namespace wasmproxy::host
