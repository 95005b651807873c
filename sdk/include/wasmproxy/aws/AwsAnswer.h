// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/aws/AwsCredentials.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/plugin/HostServices.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::aws {

/// What a service of AWS says when it refuses: the word that means something, and a text for people. Value type.
struct AwsRefusal {
    std::string type; ///< "AccessDeniedException", without a prefix; empty where the body is none of AWS's
    std::string message;
};

/// Of `{"__type":"prefix#Type","message":"…"}` in any of its spellings, or `<Code>` and `<Message>`. Never throws.
AwsRefusal refusalOf(const std::string& body);

/// The Error that a refusal means. `service` begins its text; the answer's Date tells whether our clock is wrong.
/// What AWS says is shown without control characters and `secrets`; of signatures it is not shown at all, since that
/// repeats what was signed. `onDenied` is the hint where the identity is good and may not.
Error errorOf(const HttpResponse& response, const std::string& body, const std::string& service,
              const HostServices& host, const std::vector<std::string_view>& secrets, const std::string& onDenied = {});

/// What AWS says, for messages: short, printable and without `secrets`.
std::string shownText(std::string text, const std::vector<std::string_view>& secrets);

/// Does a refusal of that type mean that key or clock is wrong? Then its message repeats what was signed.
bool isAboutSignature(const std::string& type);

/// What to do about a refusal; "" where there is nothing to say. `skew` as by skewOf().
std::string hintFor(const std::string& type, std::chrono::seconds skew, const std::string& onDenied);

/// How much later (or earlier) it is there than here, by the answer's Date; zero where it says none.
std::chrono::seconds skewOf(const HttpResponse& response, const HostServices& host);

/// The text of the only element `<name>…</name>`; "" where it is missing, twice there or holds more than text.
std::string elementOf(std::string_view xml, const std::string& name);

/// A time as AWS writes it, "2026-01-01T06:00:00Z"; nullopt: it is none.
std::optional<std::chrono::system_clock::time_point> timeOf(const std::string& text);

/// `{"AccessKeyId","SecretAccessKey","Token","Expiration"}`, as metadata services answer. Throws
/// Error{CredentialSourceFault}.
AwsCredentials credentialsOf(const std::string& body, const std::string& service);

} // namespace wasmproxy::aws
