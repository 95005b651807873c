// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/CurlTransport.h"

#include <curl/curl.h>
#include <string>

namespace wasmproxy::host {

/// What libcurl's result means to us. `where` is host:port, `reason` libcurl's own words, `headComplete` tells a broken
/// head from a broken body. Names no path and no query.
Error failureOf(CURLcode code, const std::string& where, const std::string& reason, bool headComplete,
                const TransportSettings& settings);

} // namespace wasmproxy::host
