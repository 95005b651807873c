// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/ErrorCode.h"

namespace wasmproxy {

namespace {

// In the order of the enum, so that a code is its own index. No 429 here: istio-agent gives up for good on any 4xx, so
// a limit of the registry is a 503 that it tries again.
constexpr ErrorTraits Table[] = {
    {ErrorCode::Internal, "INTERNAL", 500, false, "an internal error, see the proxy's log"},
    {ErrorCode::ReferenceInvalid, "NAME_INVALID", 400, false, "the reference does not parse"},
    {ErrorCode::DigestInvalid, "DIGEST_INVALID", 400, false, "the digest is not sha256 or sha512 in lower-case hex"},
    {ErrorCode::RouteUnknown, "NAME_UNKNOWN", 404, false, "this repository is not served here"},
    {ErrorCode::CallerRefused, "DENIED", 403, false, "the caller may not have this"},
    {ErrorCode::ManifestUnknown, "MANIFEST_UNKNOWN", 404, false, "the registry has no such tag or digest"},
    {ErrorCode::ModuleUnknown, "BLOB_UNKNOWN", 404, false, "no such content is known here"},
    {ErrorCode::ModuleUnusable, "MODULE_UNUSABLE", 422, false, "the artifact holds no module that a proxy can load"},
    {ErrorCode::CredentialRefused, "CREDENTIAL_REFUSED", 502, true, "the registry refuses the proxy's credential"},
    {ErrorCode::RepositoryDenied, "REPOSITORY_DENIED", 502, true,
     "the proxy's credential is not allowed to read this repository"},
    {ErrorCode::UpstreamInvalid, "UPSTREAM_INVALID", 502, true, "the registry's answer is not valid"},
    {ErrorCode::UpstreamUnavailable, "UNAVAILABLE", 503, true, "the registry cannot be reached"},
    {ErrorCode::TooManyRequests, "TOOMANYREQUESTS", 503, true, "the registry limits the rate of requests"},
    {ErrorCode::AddressRefused, "ADDRESS_REFUSED", 502, false, "the registry's address may not be dialled"},
    {ErrorCode::DeadlineExceeded, "UNAVAILABLE", 503, true, "the time allowed has passed"},
    {ErrorCode::Busy, "BUSY", 503, true, "the proxy is at one of its limits"},
    {ErrorCode::StorageFault, "STORAGE_FAULT", 503, true, "the proxy's store cannot be used"},
    {ErrorCode::CredentialSourceFault, "CREDENTIAL_SOURCE_FAULT", 502, true,
     "the proxy cannot look up a credential for this registry"},
    {ErrorCode::PluginFault, "PLUGIN_FAULT", 502, true, "a plugin of the proxy failed"},
    {ErrorCode::SettingsInvalid, "SETTINGS_INVALID", 500, false, "the proxy's settings are not valid"},
    {ErrorCode::MethodUnsupported, "UNSUPPORTED", 405, false, "the method is not supported here"},
    {ErrorCode::RangeInvalid, "RANGE_INVALID", 416, false, "the range lies outside the content"},
    {ErrorCode::Blocked, "BLOCKED", 503, false, "the registry's policy blocks this artifact"},
};

constexpr int Count = sizeof(Table) / sizeof(Table[0]);

constexpr bool inOrder() {
    for (int i = 0; i < Count; ++i)
        if (static_cast<int>(Table[i].code) != i) return false;
    return Count == static_cast<int>(ErrorCode::Blocked) + 1;
}
static_assert(inOrder(), "one row per ErrorCode, in the enum's order");

} // namespace

const ErrorTraits& traitsOf(ErrorCode code) noexcept {
    const int number = static_cast<int>(code);
    return Table[number >= 0 && number < Count ? number : 0];
}

} // namespace wasmproxy
