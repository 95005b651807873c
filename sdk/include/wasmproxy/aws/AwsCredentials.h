// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpTransport.h"
#include "wasmproxy/plugin/Secret.h"

#include <chrono>
#include <optional>
#include <string>

namespace wasmproxy::aws {

/// What requests to AWS are signed with. Value type; held no longer than a minute or to near their end, so that the
/// keys in force are seen.
struct AwsCredentials {
    std::string accessKeyId;
    Secret secretAccessKey;
    Secret sessionToken; ///< empty: none
    std::string origin;  ///< where they are from, for operators: "the environment"
    std::optional<std::chrono::system_clock::time_point> expires = {}; ///< nullopt: nobody said
};

/// A request whose headers and body are wiped when it has been sent.
struct PrivateRequest : HttpRequest {
    PrivateRequest() = default;
    PrivateRequest(const PrivateRequest&) = delete;
    PrivateRequest& operator=(const PrivateRequest&) = delete;
    ~PrivateRequest() {
        for (auto& header : headers)
            Secret::wipe(header.value);
        Secret::wipe(body);
    }
};

/// A text that is wiped at the end of its scope.
struct PrivateText {
    std::string text;
    ~PrivateText() { Secret::wipe(text); }
};

} // namespace wasmproxy::aws
