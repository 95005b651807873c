// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/kubernetes/WipedBuffer.h"

#include <cstddef>
#include <functional>
#include <string_view>

namespace wasmproxy::kubernetes {

/// Cuts a stream of JSON objects, which follow each other with nothing or white space between them, into objects; the
/// stream arrives in pieces of any size. What is inside an object is not judged. Zeroes what it has held.
class JsonStream {
public:
    using Visitor = std::function<void(std::string_view object)>;

    explicit JsonStream(std::size_t maxObject) : _maxObject(maxObject) {}

    /// Calls `visit` for each object that `bytes` completes. Throws Error{UpstreamInvalid} for what is no object or too
    /// large, and what `visit` throws; it is of no use after that.
    void feed(std::string_view bytes, const Visitor& visit);
    bool midway() const noexcept { return _depth > 0; } ///< an object has begun and not ended

private:
    std::size_t _maxObject;
    WipedBuffer _object;
    std::size_t _depth = 0;
    bool _quoted = false;
    bool _escaped = false;
};

} // namespace wasmproxy::kubernetes
