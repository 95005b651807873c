// SPDX-License-Identifier: Apache-2.0
#include "ObjectList.h"

#include "XmlReader.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::s3 {
namespace {

[[noreturn]] void fail(const std::string& why) {
    throw Error(ErrorCode::StorageFault, "an answer that is no list of objects: " + why);
}

std::uint64_t numberOf(const std::string& text) {
    const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (text.empty() || text.size() > 18 || !digits) fail("a Size that is no number");
    return std::stoull(text);
}

} // namespace

ObjectList ObjectList::parse(std::string_view xml) {
    ObjectList list;
    Object object;
    bool sized = false;
    std::string truncated;
    XmlReader::read(xml, [&](const std::string& path, const std::string& text) {
        if (path.compare(0, 16, "ListBucketResult") != 0) fail("it is a " + path);
        if (path == "ListBucketResult/Contents/Key") {
            object.key = text;
        } else if (path == "ListBucketResult/Contents/Size") {
            object.size = numberOf(text);
            sized = true;
        } else if (path == "ListBucketResult/Contents") {
            if (object.key.empty() || !sized) fail("an object without Key or Size");
            list.objects.push_back(std::move(object));
            object = {};
            sized = false;
        } else if (path == "ListBucketResult/IsTruncated") {
            truncated = text;
        } else if (path == "ListBucketResult/NextContinuationToken") {
            list.continuation = text;
        }
    });
    if (truncated != "true" && truncated != "false") fail("it does not say whether there is more");
    if (truncated == "true" && list.continuation.empty()) fail("there is more, and it does not say where");
    if (truncated == "false") list.continuation.clear();
    return list;
}

} // namespace wasmproxy::s3
