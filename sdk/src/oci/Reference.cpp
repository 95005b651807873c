// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/Reference.h"

#include "wasmproxy/oci/Error.h"

#include "Printable.h"

#include <algorithm>

namespace wasmproxy {

namespace {

// 255 for the name, 128 for the tag, 135 for a sha512 digest, and the separators.
constexpr std::size_t LongestReference = 255 + 1 + 128 + 1 + 135;
constexpr std::size_t LongestTag = 128;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw Error(ErrorCode::ReferenceInvalid, "the reference '" + printable(text) + "' is not valid: " + why,
                "write host/path:tag or host/path@sha256:...");
}

void checkTag(std::string_view tag) {
    const auto isWord = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const bool valid = !tag.empty() && tag.size() <= LongestTag && isWord(tag.front()) &&
                       std::all_of(tag.begin(), tag.end(), [&](char c) { return isWord(c) || c == '.' || c == '-'; });
    if (!valid)
        throw Error(ErrorCode::ReferenceInvalid, "the tag '" + printable(tag) + "' is not valid",
                    "a tag is 1 to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'");
}

void checkCharacters(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const std::string where = " at position " + std::to_string(i + 1);
        if (c == ' ') refuse(text, "white space" + where);
        if (c < 0x21 || c >= 0x7f) refuse(text, "a control or non-ASCII character" + where);
        if (c == '%' || c == '?' || c == '#' || c == '\\') refuse(text, std::string("'") + text[i] + "'" + where);
    }
}

bool isHost(std::string_view component) {
    if (component.find_first_of(".:[") != std::string_view::npos) return true;
    return component.size() == 9 &&
           std::equal(component.begin(), component.end(), "localhost", [](char a, char b) { return (a | 0x20) == b; });
}

} // namespace

Reference::Reference(Repository repository, std::string tag, std::optional<Digest> digest)
    : _repository(std::move(repository)), _tag(std::move(tag)), _digest(std::move(digest)) {
    if (_repository.host().empty()) throw Error(ErrorCode::ReferenceInvalid, "a reference needs a repository");
    if (_digest && _digest->empty()) throw Error(ErrorCode::DigestInvalid, "the digest of a reference is empty");
    if (_tag.empty() && !_digest) _tag = "latest";
    if (!_tag.empty()) checkTag(_tag);
}

Reference Reference::parse(std::string_view text) {
    if (text.empty()) refuse(text, "it is empty");
    if (text.size() > LongestReference) refuse(text, "it is longer than " + std::to_string(LongestReference));
    checkCharacters(text);
    if (text.find("://") != std::string_view::npos) refuse(text, "a scheme does not belong in it");
    if (text.find("//") != std::string_view::npos) refuse(text, "'//'");
    if (text.find("..") != std::string_view::npos) refuse(text, "'..'");

    std::string_view name = text;
    std::optional<Digest> digest;
    const auto at = text.find('@');
    if (at != std::string_view::npos) {
        name = text.substr(0, at);
        const auto after = text.substr(at + 1);
        if (after.find('/') != std::string_view::npos) refuse(text, "user names do not belong in a reference");
        digest = Digest::parse(after);
    }

    std::string tag;
    const auto lastSlash = name.rfind('/');
    const auto colon = name.find(':', lastSlash == std::string_view::npos ? 0 : lastSlash);
    if (colon != std::string_view::npos) {
        tag = name.substr(colon + 1);
        checkTag(tag);
        name = name.substr(0, colon);
    }

    const auto slash = name.find('/');
    if (slash != std::string_view::npos && isHost(name.substr(0, slash)))
        return {Repository(name.substr(0, slash), name.substr(slash + 1)), tag, digest};
    return {Repository("docker.io", name), tag, digest};
}

std::string Reference::str() const {
    std::string text = _repository.str();
    if (!_tag.empty()) text += ":" + _tag;
    if (_digest) text += "@" + _digest->str();
    return text;
}

} // namespace wasmproxy
