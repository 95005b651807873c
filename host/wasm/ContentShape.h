// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wasmproxy::host {

/// What bytes are, judged by their beginning and never by a label.
enum class ContentShape { Empty, Wasm, Gzip, Zstd, Tar, Other };

/// How many bytes shapeOf wants to see: a tar header.
inline constexpr std::size_t ShapeBytes = 512;

/// `beginning` is the first ShapeBytes of the content, or all of it where it is shorter. Pure.
ContentShape shapeOf(std::string_view beginning);

/// What the bytes look like, for an error: "an HTML page", "a zip archive", "bytes 89 50 4e 47 0d 0a 1a 0a". Pure.
std::string describeBytes(std::string_view beginning);

} // namespace wasmproxy::host
