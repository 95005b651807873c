// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace wasmproxy {

/// Why something failed. Absence (no such tag, no credential) is a value, never one of these, except where the host
/// reports absence to a client. Part of the plugin ABI: append only, never renumber.
enum class ErrorCode : int {
    Internal = 0,          ///< a bug of ours
    ReferenceInvalid,      ///< a URL, base64 or reference that does not parse
    DigestInvalid,         ///< not `sha256:<64 hex>` or `sha512:<128 hex>`
    RouteUnknown,          ///< no route serves this repository
    CallerRefused,         ///< the caller may not have it
    ManifestUnknown,       ///< the tag or digest is absent upstream, proved with an accepted credential
    ModuleUnknown,         ///< no such module here (or none that the caller may see)
    ModuleUnusable,        ///< the artifact holds no module that a proxy can load
    CredentialRefused,     ///< the registry does not accept the credential (401)
    RepositoryDenied,      ///< the credential is good but not for this repository (403, insufficient_scope)
    UpstreamInvalid,       ///< the registry's answer breaks the protocol: short body, HTML with 200, wrong digest
    UpstreamUnavailable,   ///< refused, reset, timed out, 5xx, DNS, TLS
    TooManyRequests,       ///< 429; see Error::retryAfter
    AddressRefused,        ///< the address behind a host name may not be dialled
    DeadlineExceeded,      ///< the Call's deadline passed
    Busy,                  ///< a bound of ours is reached
    StorageFault,          ///< the cache store or the DigestIndex cannot be used
    CredentialSourceFault, ///< a credential source is broken: a malformed file, an API that does not answer
    PluginFault,           ///< a plugin threw something that is not an Error, or broke its contract
    SettingsInvalid,       ///< a setting is missing, malformed or contradicts another
    MethodUnsupported,     ///< 405
    RangeInvalid,          ///< 416
    Blocked                ///< the registry's policy refuses this image (Harbor's 412)
};

/// What the host does with an ErrorCode on every surface; the one table.
struct ErrorTraits {
    ErrorCode code;
    const char* name;       ///< the `code` of our JSON errors; OCI's word where OCI has one
    int status;             ///< HTTP status on the data plane
    bool retryable;         ///< trying the same again later may succeed
    const char* clientText; ///< safe to show to a client that may not know the registry's answer
};

/// The row of `code`. Thread-safe; unknown numbers (a newer plugin's) are treated as Internal.
const ErrorTraits& traitsOf(ErrorCode code) noexcept;

} // namespace wasmproxy
