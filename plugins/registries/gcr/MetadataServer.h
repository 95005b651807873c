// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Identity.h"

#include <atomic>

namespace wasmproxy::gcr {

/// The service account that this machine or pod runs as, by the metadata server that Google puts beside it.
class MetadataServer : public Identity {
public:
    /// `origin`: "http://metadata.google.internal." (the dot keeps search domains out). `seen`, which outlives this,
    /// becomes true with its first answer.
    MetadataServer(std::string origin, std::atomic<bool>& seen) : _origin(std::move(origin)), _seen(seen) {}

    std::string name() const override { return "this machine's service account (" + _origin + ")"; }
    Token obtain(HostServices& host, Call& call) const override;

private:
    std::string _origin;
    std::atomic<bool>& _seen;
};

} // namespace wasmproxy::gcr
