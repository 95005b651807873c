// SPDX-License-Identifier: Apache-2.0
// Any bytes as YAML and as JSON: never a crash, each document is good or has problems, and what is good obeys the
// rules.
#include "extensions/ExtensionReader.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include "Oracle.h"

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

void requireJson(const std::string& text) {
    if (text.empty()) return;
    StrictJson::Limits limits;
    limits.depth = 100;
    try {
        StrictJson::parse(text, "kept", ErrorCode::Internal, limits);
    } catch (const Error&) {
        // What JSON can say and our strict reader does not take: NUL in a text.
        REQUIRE(text.find("\\u0000") != std::string::npos);
    }
}

void check(const ExtensionDocument& document) {
    REQUIRE((document.extension != nullptr) == document.problems.empty());
    REQUIRE(document.name.empty() || isDnsSubdomain(document.name));
    for (const auto& problem : document.problems)
        REQUIRE(!problem.message.empty());
    if (!document.extension) return;
    const Extension& extension = *document.extension;
    REQUIRE(extension.name == document.name && !extension.name.empty());
    REQUIRE(!extension.reference.repository().host().empty());
    REQUIRE(extension.url.find('@') == std::string::npos || extension.url.find("://") != std::string::npos);
    if (extension.httpUrl.empty())
        REQUIRE(Reference::parse(extension.url.substr(6)) == extension.reference);
    else
        REQUIRE(referenceOfUrl(extension.httpUrl) == extension.reference && extension.httpUrl == extension.url);
    REQUIRE(extension.imagePullSecret.empty() || isDnsSubdomain(extension.imagePullSecret));
    REQUIRE(!extension.sha256 || extension.sha256 != extension.reference.digest());
    requireJson(extension.config);
    requireJson(extension.match);
    requireJson(extension.vmConfig);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto yaml = readExtensions(text, DocumentFormat::Yaml, "fuzz");
    REQUIRE(yaml.size() <= MaxExtensionsInFile + 1);
    for (const auto& document : yaml)
        check(document);
    const auto json = readExtensions(text, DocumentFormat::Json, "fuzz");
    REQUIRE(json.size() <= 1);
    for (const auto& document : json)
        check(document);
    return 0;
}
