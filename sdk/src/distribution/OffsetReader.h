// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/BodyReader.h"

#include <cstdint>
#include <memory>
#include <string>

namespace wasmproxy {

/// A whole body from `offset` on, for servers that answer a Range with everything.
class OffsetReader : public BodyReader {
public:
    /// `what` names the body in errors.
    OffsetReader(std::unique_ptr<BodyReader> whole, std::uint64_t offset, std::string what);
    std::size_t read(char* buffer, std::size_t size) override;

private:
    std::unique_ptr<BodyReader> _whole;
    std::uint64_t _left; ///< to discard
    std::string _what;
};

} // namespace wasmproxy
