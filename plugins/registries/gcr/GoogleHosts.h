// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::gcr {

/// Is `host` (a port of 443 may follow) one of Google's container registries: gcr.io, <region>.gcr.io,
/// <location>-docker.pkg.dev or docker.<region>.rep.pkg.dev? Nobody else can hold a name there, so a Google access
/// token may be shown to it.
bool isGoogleRegistry(const std::string& host);

/// The same of a route's host, which may hold `*`: are all hosts that it stands for Google's?
bool isGooglePattern(const std::string& host);

/// Is it a host of Google's APIs (*.googleapis.com)?
bool isGoogleApi(const std::string& host);

} // namespace wasmproxy::gcr
