// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace wasmproxy::test {

/// A TCP port of loopback that nobody listens on, below the range that the kernel gives to outgoing connections. Each
/// is handed out once per process. Thread-safe. Throws std::runtime_error when all are taken.
int freePort();

} // namespace wasmproxy::test
