// SPDX-License-Identifier: Apache-2.0
#include "XmlReader.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::s3 {
namespace {

constexpr std::string_view Blank = " \t\r\n";

bool isName(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == ':' || c == '.';
    });
}

bool take(std::string_view& text, std::string_view start) {
    if (text.substr(0, start.size()) != start) return false;
    text.remove_prefix(start.size());
    return true;
}

} // namespace

void XmlReader::read(std::string_view xml, const Visitor& visitor) {
    XmlReader(xml, visitor).run();
}

void XmlReader::fail(const std::string& why) const {
    throw Error(ErrorCode::StorageFault,
                "an answer that is not the XML of a store: " + why + " near byte " + std::to_string(_at));
}

std::string_view XmlReader::until(char end, const char* what) {
    const auto at = _xml.find(end, _at);
    if (at == std::string_view::npos) fail(std::string("an unfinished ") + what);
    const auto part = _xml.substr(_at, at - _at);
    _at = at + 1;
    return part;
}

void XmlReader::run() {
    if (_xml.substr(0, 3) == "\xef\xbb\xbf") _at = 3;
    if (_xml.substr(_at, 6) == "<?xml ") until('>', "declaration");
    while (_at < _xml.size()) {
        const auto markup = std::min(_xml.find('<', _at), _xml.size());
        text(_xml.substr(_at, markup - _at));
        if (markup == _xml.size()) break;
        _at = markup + 1;
        const auto tag = until('>', "tag");
        if (!tag.empty() && tag.front() == '/')
            close(tag.substr(1));
        else
            open(tag);
    }
    if (!_ended || !_names.empty()) fail("an unfinished document");
}

void XmlReader::open(std::string_view tag) {
    if (_ended) fail("a second document");
    const bool empty = !tag.empty() && tag.back() == '/';
    if (empty) tag.remove_suffix(1);
    const auto name = tag.substr(0, tag.find_first_of(Blank));
    if (!isName(name)) fail("markup other than elements");
    // Attributes say only which namespace it is. A '<' in one would be no XML, and a '>' ends the tag too early for us.
    const auto rest = tag.substr(name.size());
    if (rest.find('<') != std::string_view::npos || std::count(rest.begin(), rest.end(), '"') % 2 != 0)
        fail("a malformed tag");
    if (_names.size() >= MaxDepth) fail("too many levels");
    if (!_names.empty()) _hasElements.back() = true;
    _names.emplace_back(name);
    _hasElements.push_back(false);
    _text.clear();
    if (empty) close(name);
}

void XmlReader::close(std::string_view name) {
    name = name.substr(0, name.find_last_not_of(Blank) + 1);
    if (_names.empty() || _names.back() != name) fail("an end without its beginning");
    std::string path;
    for (const auto& each : _names)
        path += (path.empty() ? "" : "/") + each;
    if (_hasElements.back()) _text.clear();
    _visitor(path, _text);
    _text.clear();
    _names.pop_back();
    _hasElements.pop_back();
    _ended = _names.empty();
}

void XmlReader::text(std::string_view raw) {
    if (_names.empty()) {
        if (raw.find_first_not_of(Blank) != std::string_view::npos) fail("text outside of elements");
        return;
    }
    while (!raw.empty()) {
        if (raw.front() != '&') {
            _text += raw.front();
            raw.remove_prefix(1);
        } else if (take(raw, "&amp;")) {
            _text += '&';
        } else if (take(raw, "&lt;")) {
            _text += '<';
        } else if (take(raw, "&gt;")) {
            _text += '>';
        } else if (take(raw, "&quot;") || take(raw, "&#34;")) {
            _text += '"';
        } else if (take(raw, "&apos;") || take(raw, "&#39;")) {
            _text += '\'';
        } else if (take(raw, "&#xD;") || take(raw, "&#13;")) {
            _text += '\r';
        } else {
            fail("an entity that none of them uses");
        }
    }
}

} // namespace wasmproxy::s3
