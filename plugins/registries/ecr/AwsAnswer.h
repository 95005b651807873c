// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "AwsCredentials.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/plugin/HostServices.h"

#include <string>
#include <vector>

namespace wasmproxy::ecr {

/// What a service of AWS says when it refuses: the word that means something, and a text for people. Value type.
struct AwsRefusal {
    std::string type; ///< "AccessDeniedException", without a prefix; empty where the body is none of AWS's
    std::string message;
};

/// Of `{"__type":"prefix#Type","message":"…"}` in any of its spellings, or `<Code>` and `<Message>`. Never throws.
AwsRefusal refusalOf(const std::string& body);

/// The Error that a refusal means. `service` begins its text; the answer's Date tells whether our clock is wrong.
/// What AWS says is shown without control characters and `secrets`; of signatures it is not shown at all, since that
/// repeats what was signed.
Error errorOf(const HttpResponse& response, const std::string& body, const std::string& service,
              const HostServices& host, const std::vector<std::string_view>& secrets);

/// How much later (or earlier) it is there than here, by the answer's Date; zero where it says none.
std::chrono::seconds skewOf(const HttpResponse& response, const HostServices& host);

/// The text of the only element `<name>…</name>`; "" where it is missing, twice there or holds more than text.
std::string elementOf(std::string_view xml, const std::string& name);

/// `{"AccessKeyId","SecretAccessKey","Token"}`, as metadata services answer. Throws Error{CredentialSourceFault}.
AwsCredentials credentialsOf(const std::string& body, const std::string& service);

} // namespace wasmproxy::ecr
