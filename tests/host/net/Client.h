// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/CurlTransport.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace wasmproxy::test {

inline host::TransportSettings loopbackSettings() {
    host::TransportSettings settings;
    settings.instance = "team";
    settings.trustedHosts = {"127.0.0.1"};
    return settings;
}

struct Answer {
    int status = 0;
    std::vector<HttpHeader> headers;
    std::string body;
};

inline HttpRequest requestOf(const std::string& url, const std::string& method = "GET") {
    HttpRequest request;
    request.method = method;
    request.url = url;
    return request;
}

/// Sends and reads to the end.
inline Answer ask(host::CurlTransport& transport, const HttpRequest& request,
                  std::chrono::milliseconds time = std::chrono::seconds(5)) {
    Call call("test", Call::Clock::now() + time);
    const auto response = transport.send(call, request);
    Answer answer{response->status(), response->headers(), {}};
    char buffer[16384];
    while (const std::size_t count = response->read(buffer, sizeof(buffer)))
        answer.body.append(buffer, count);
    return answer;
}

inline Answer get(host::CurlTransport& transport, const std::string& url,
                  std::chrono::milliseconds time = std::chrono::seconds(5)) {
    return ask(transport, requestOf(url), time);
}

/// The Error that `act` must throw.
template <class Act>
Error errorOf(Act act, const std::string& when = "") {
    try {
        act();
    } catch (const Error& error) {
        return error;
    }
    CPPUNIT_FAIL("an Error was expected " + when);
    throw 0; // not reached
}

inline void assertCode(ErrorCode expected, const Error& error) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(error.what(), std::string(traitsOf(expected).name),
                                 std::string(traitsOf(error.code()).name));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(error.what(), static_cast<int>(expected), static_cast<int>(error.code()));
}

inline void assertContains(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("no \"" + part + "\" in \"" + text + "\"", text.find(part) != std::string::npos);
}

} // namespace wasmproxy::test
