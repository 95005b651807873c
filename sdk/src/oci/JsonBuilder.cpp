// SPDX-License-Identifier: Apache-2.0
#include "JsonBuilder.h"

#include "wasmproxy/oci/Error.h"

#include "Printable.h"

#include <Poco/JSON/Parser.h>
#include <openssl/crypto.h>

#include <algorithm>

namespace wasmproxy {

namespace {

/// What has to be read from the text itself, since Poco does not hand it on unharmed.
struct Lexed {
    std::vector<std::string_view> numbers;
    bool hasNul = false; ///< \u0000 in a string: Poco cuts a key there
};

Lexed lex(std::string_view text) {
    Lexed result;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '"') quoted = false;
            if (c != '\\') continue;
            if (text.substr(i, 6) == "\\u0000") result.hasNul = true;
            ++i;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            const auto end = std::min(text.find_first_not_of("0123456789+-.eE", i), text.size());
            result.numbers.push_back(text.substr(i, end - i));
            i = end - 1;
        }
    }
    return result;
}

} // namespace

StrictJson::Builder::Builder(std::vector<std::string_view> numbers, std::size_t depth, Document& document)
    : _numbers(std::move(numbers)), _depth(depth), _document(document) {}

void StrictJson::Builder::read(std::string_view text, const Limits& limits, Document& document) {
    const auto refuse = [&](const std::string& why) { throw Error(document.code, document.what + ": " + why); };
    if (text.size() > limits.bytes)
        refuse("larger than " + std::to_string(limits.bytes) + " bytes (it has " + std::to_string(text.size()) + ")");
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) refuse("it is empty where JSON was expected");
    if (text[first] == '<') refuse("an HTML or XML page where JSON was expected");
    Lexed lexed = lex(text);
    if (lexed.hasNul) refuse("a string with a NUL character");

    struct Wiped {
        std::string text;
        ~Wiped() { OPENSSL_cleanse(text.data(), text.size()); }
    } copy{std::string(text)}; // tokens and passwords come in JSON, too
    Poco::JSON::Handler::Ptr builder(new Builder(std::move(lexed.numbers), limits.depth, document));
    try {
        Poco::JSON::Parser parser(builder);
        parser.setDepth(limits.depth + 1);
        parser.parse(copy.text);
    } catch (const Poco::Exception& e) {
        refuse("not valid JSON: " + printable(e.message()));
    }
}

void StrictJson::Builder::fail(const std::string& why) const {
    throw Error(_document.code, _document.what + ": " + why);
}

StrictJson::Node& StrictJson::Builder::add(Node::Type type) {
    if (_open.empty()) {
        _document.root.type = type;
        return _document.root;
    }
    auto& items = _open.back()->items;
    items.emplace_back();
    items.back().type = type;
    return items.back();
}

void StrictJson::Builder::open(Node::Type type) {
    if (_open.size() >= _depth) fail("nested deeper than " + std::to_string(_depth));
    _open.push_back(&add(type));
}

void StrictJson::Builder::endObject() {
    const auto& keys = _open.back()->keys;
    std::vector<std::string_view> sorted(keys.begin(), keys.end());
    std::sort(sorted.begin(), sorted.end());
    const auto twin = std::adjacent_find(sorted.begin(), sorted.end());
    if (twin != sorted.end()) fail("the key '" + printable(*twin) + "' stands twice in one object");
    _open.pop_back();
}

void StrictJson::Builder::number() {
    if (_nextNumber >= _numbers.size()) fail("not valid JSON: a number in an unexpected place");
    add(Node::Type::Number).text = _numbers[_nextNumber++];
}

} // namespace wasmproxy
