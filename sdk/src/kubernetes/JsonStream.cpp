// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/JsonStream.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::kubernetes {

void JsonStream::feed(std::string_view bytes, const Visitor& visit) {
    std::size_t begin = 0; // of what belongs to the object and is not in _object yet
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const char c = bytes[i];
        if (_depth == 0) {
            if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
            if (c != '{') throw Error(ErrorCode::UpstreamInvalid, "a stream of JSON objects has something else in it");
            begin = i;
            _depth = 1;
            continue;
        }
        if (_quoted) {
            if (_escaped)
                _escaped = false;
            else if (c == '\\')
                _escaped = true;
            else if (c == '"')
                _quoted = false;
            continue;
        }
        if (c == '"')
            _quoted = true;
        else if (c == '{' || c == '[')
            ++_depth;
        else if ((c == '}' || c == ']') && --_depth == 0) {
            const auto rest = bytes.substr(begin, i + 1 - begin);
            if (_object.size() + rest.size() > _maxObject)
                throw Error(ErrorCode::UpstreamInvalid,
                            "an object of more than " + std::to_string(_maxObject) + " bytes in a stream");
            if (_object.size() == 0) {
                visit(rest);
            } else {
                _object.append(rest);
                visit(_object.view());
                _object.clear();
            }
            begin = i + 1;
        }
    }
    if (_depth == 0) return;
    const auto rest = bytes.substr(begin);
    if (_object.size() + rest.size() > _maxObject)
        throw Error(ErrorCode::UpstreamInvalid,
                    "an object of more than " + std::to_string(_maxObject) + " bytes in a stream");
    _object.append(rest);
}

} // namespace wasmproxy::kubernetes
