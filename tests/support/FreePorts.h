// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace wasmproxy::test {

/// A TCP port of loopback that nobody listens on, below the range that the kernel gives to outgoing connections. Each
/// is handed out once per process, and to no other test program that runs now: between this call and the moment that
/// somebody listens there it would look free to it. Thread-safe. Throws std::runtime_error when all are taken.
int freePort();

} // namespace wasmproxy::test
