// SPDX-License-Identifier: Apache-2.0
// What is accepted has a host and a path, fits its bounds, and reads back from its canonical form as the same.
#include "wasmproxy/oci/Reference.h"
#include "wasmproxy/oci/Error.h"

#include "Oracle.h"

using namespace wasmproxy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const auto reference = Reference::parse(text);
        const auto canonical = reference.str();
        REQUIRE(Reference::parse(canonical).str() == canonical);
        REQUIRE(!reference.repository().host().empty() && !reference.repository().path().empty());
        REQUIRE(!reference.manifestKey().empty());
        REQUIRE(reference.repository().str().size() <= 255);
        REQUIRE(canonical.find("..") == std::string::npos && canonical.find("//") == std::string::npos);
        for (const char c : canonical)
            REQUIRE(c > 0x20 && c < 0x7f && c != '%' && c != '?' && c != '#');
    } catch (const Error& e) {
        REQUIRE(e.code() == ErrorCode::ReferenceInvalid || e.code() == ErrorCode::DigestInvalid);
        for (const char c : std::string(e.what()))
            REQUIRE(c >= 0x20 && c < 0x7f);
    }
    return 0;
}
