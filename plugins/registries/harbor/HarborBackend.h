// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/DistributionBackend.h"

namespace wasmproxy::harbor {

/// Harbor. Its token service refuses nobody: a wrong password, a robot account without rights and a project that does
/// not exist all end in a token and a 401 for it. The token tells them apart.
class HarborBackend : public DistributionBackend {
public:
    HarborBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings);
};

} // namespace wasmproxy::harbor
