// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CheckArguments.h"

#include "wasmproxy/plugin/ComponentFactory.h"
#include "wasmproxy/testing/Finding.h"

#include <vector>

namespace wasmproxy::tools {

/// What is asked of every component's settings, whatever its seam.
std::vector<testing::Finding> checkSettings(const ComponentFactory& factory);

/// Makes instances of the component and runs the conformance suite of its seam.
std::vector<testing::Finding> checkSeam(const ComponentFactory& factory, const CheckArguments& arguments);

} // namespace wasmproxy::tools
