// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "S3Address.h"
#include "wasmproxy/aws/AwsCredentials.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HostServices.h"

#include <string>

namespace wasmproxy::s3 {

/// Why a request came to nothing, and whether the store is to be left alone for that. Does not leave the plugin.
class S3Fault : public Error {
public:
    enum class Blame {
        Store,   ///< it does not answer, or cannot now
        Request, ///< it answers and does not want this
        Machine  ///< ours
    };
    S3Fault(Blame blame, const std::string& message, std::string hint = {})
        : Error(ErrorCode::StorageFault, message, std::move(hint)), _blame(blame) {}
    Blame blame() const noexcept { return _blame; }

private:
    Blame _blame;
};

/// The Code in an answer that refuses says that the credentials were not accepted, so others might be.
bool isAboutCredentials(const std::string& code);

/// What an answer other than success and absence means. `body` is what came with it, `request` names what was asked.
S3Fault faultOf(const HttpResponse& response, const std::string& body, const std::string& request,
                const S3Address& address, const aws::AwsCredentials& credentials, const HostServices& host);

} // namespace wasmproxy::s3
