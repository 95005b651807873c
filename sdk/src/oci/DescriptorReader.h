// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Descriptor.h"
#include "wasmproxy/oci/StrictJson.h"

namespace wasmproxy {

/// Reads descriptors out of a manifest's JSON.
class DescriptorReader {
public:
    explicit DescriptorReader(std::size_t limit) : _limit(limit) {}

    Descriptor one(const StrictJson& json) const;
    /// The array at `key`; null is an empty one.
    std::vector<Descriptor> list(const StrictJson& json, const std::string& key) const;

    static std::map<std::string, std::string> annotations(const StrictJson& json);
    /// Refuses a key that equals a known one but for its case: Go's JSON reader, which most other clients use, takes
    /// `Layers` for `layers`, and so would see another manifest in the same bytes.
    static void checkSpelling(const StrictJson& json, const char* const* known, std::size_t count);

private:
    std::size_t _limit;
};

} // namespace wasmproxy
