// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

#include <string>

namespace wasmproxy::disk {

/// "No space left on device" for ENOSPC.
std::string errnoText(int number);

/// Error{StorageFault}: "cannot <doing> <path>: <errno text>", with what to do about that errno as its hint.
Error storageError(const std::string& doing, const std::string& path, int number);

} // namespace wasmproxy::disk
