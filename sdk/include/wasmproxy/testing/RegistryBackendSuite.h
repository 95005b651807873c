// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/plugin/RegistryBackend.h"
#include "wasmproxy/testing/Finding.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::testing {

struct RegistryBackendOptions {
    std::string host = "registry.example.com";           ///< as it stands in references
    std::string origin = "https://registry.example.com"; ///< where the backend looks for that registry's API
    std::string path = "team/authz";                     ///< of a repository, the same at the API
    std::size_t threads = 16;
    std::chrono::seconds deadline{20}; ///< of each call
};

/// Makes an instance of the backend under test. Called once per check; `host` outlives the instance, and its http() is
/// a FakeRegistry: nothing touches the network.
using MakeRegistryBackend = std::function<std::unique_ptr<RegistryBackend>(HostServices&)>;

/// The contract of RegistryBackend as one finding per check: answers, absence, errors, authentication, and above all
/// where credentials go. Throws nothing.
std::vector<Finding> checkRegistryBackend(const MakeRegistryBackend& make, const RegistryBackendOptions& options = {});

} // namespace wasmproxy::testing
