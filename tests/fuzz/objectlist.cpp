// SPDX-License-Identifier: Apache-2.0
// Any bytes as a bucket's list of objects: never a crash, only Errors; what is accepted is bounded by what was read.
#include "ObjectList.h"
#include "XmlReader.h"
#include "wasmproxy/oci/Error.h"

#include "Oracle.h"

using namespace wasmproxy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        std::size_t held = 0, elements = 0;
        s3::XmlReader::read(text, [&](const std::string& path, const std::string& content) {
            REQUIRE(!path.empty());
            held += content.size();
            ++elements;
        });
        REQUIRE(elements > 0 && held + 4 * elements <= text.size() + 1); // nothing grows
        const auto list = s3::ObjectList::parse(text);
        for (const auto& object : list.objects)
            REQUIRE(!object.key.empty() && object.size < 1000000000000000000u);
    } catch (const Error& error) {
        REQUIRE(error.code() == ErrorCode::StorageFault);
    }
    return 0;
}
