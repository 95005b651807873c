// SPDX-License-Identifier: Apache-2.0
#include "EnvironmentLink.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::aws {

std::optional<AwsCredentials> EnvironmentLink::find(Call&, const std::string&) {
    const std::string id = _environment("AWS_ACCESS_KEY_ID");
    PrivateText key{_environment("AWS_SECRET_ACCESS_KEY")};
    if (id.empty() && key.text.empty()) return {};
    if (id.empty() || key.text.empty())
        throw Error(ErrorCode::CredentialSourceFault,
                    "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set in the environment",
                    "set both, or none to use another AWS identity");
    PrivateText session{_environment("AWS_SESSION_TOKEN")};
    return AwsCredentials{id, Secret(key.text), Secret(session.text), "the environment"};
}

} // namespace wasmproxy::aws
