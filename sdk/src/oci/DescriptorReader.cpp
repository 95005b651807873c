// SPDX-License-Identifier: Apache-2.0
#include "DescriptorReader.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/MediaType.h"

#include "Printable.h"

#include <openssl/evp.h>

namespace wasmproxy {

namespace {

const char* const KnownKeys[] = {"mediaType", "digest",       "size", "urls",
                                 "platform",  "artifactType", "data", "annotations"};

/// Lower case as Go's encoding/json folds it: ASCII, and the two other letters that fold to ASCII ones.
std::string folded(const std::string& key) {
    std::string result;
    for (std::size_t i = 0; i < key.size(); ++i) {
        const char c = key[i];
        if (key.compare(i, 2, "\xC5\xBF") == 0) {
            result += 's'; // U+017F
            i += 1;
        } else if (key.compare(i, 3, "\xE2\x84\xAA") == 0) {
            result += 'k'; // U+212A
            i += 2;
        } else {
            result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    return result;
}

/// RFC 4648 with padding and nothing else; EVP_DecodeBlock alone takes white space and keeps the padding as zeros.
std::string decodeBase64(const StrictJson& json) {
    const std::string text = json.asString();
    if (text.empty()) return {};
    const auto digits = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    const std::size_t padding = digits == std::string::npos ? 0 : text.size() - digits;
    if (text.size() % 4 != 0 || padding > 2 || text.substr(text.size() - padding) != std::string(padding, '='))
        json.fail("base64");
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) json.fail("base64");
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

} // namespace

Descriptor DescriptorReader::one(const StrictJson& json) const {
    if (!json.isObject()) json.fail("a descriptor object");
    checkSpelling(json, KnownKeys, std::size(KnownKeys));
    Descriptor descriptor;
    descriptor.mediaType = media::essence(json.stringOr("mediaType", ""));
    const auto digestJson = json.at("digest");
    const auto digest = Digest::tryParse(digestJson.asString());
    if (!digest) digestJson.fail("a sha256 or sha512 digest in lower-case hex");
    descriptor.digest = *digest;
    descriptor.size = json.at("size").asUnsigned();
    descriptor.artifactType = json.stringOr("artifactType", "");
    if (const auto platform = json.find("platform")) {
        descriptor.platform = Platform{platform->stringOr("os", ""), platform->stringOr("architecture", ""),
                                       platform->stringOr("variant", "")};
    }
    descriptor.annotations = annotations(json);
    if (const auto urls = json.find("urls")) descriptor.foreign = !urls->items().empty();
    if (const auto data = json.find("data")) descriptor.data = decodeBase64(*data);
    return descriptor;
}

std::vector<Descriptor> DescriptorReader::list(const StrictJson& json, const std::string& key) const {
    std::vector<Descriptor> result;
    const auto array = json.find(key);
    if (!array) return result;
    const auto items = array->items();
    if (items.size() > _limit) array->fail("at most " + std::to_string(_limit) + " descriptors");
    result.reserve(items.size());
    for (const auto& item : items)
        result.push_back(one(item));
    return result;
}

std::map<std::string, std::string> DescriptorReader::annotations(const StrictJson& json) {
    std::map<std::string, std::string> result;
    const auto object = json.find("annotations");
    if (!object) return result;
    for (const auto& [key, value] : object->members())
        if (!value.isNull()) result.emplace(key, value.asString());
    return result;
}

void DescriptorReader::checkSpelling(const StrictJson& json, const char* const* known, std::size_t count) {
    for (const auto& [key, value] : json.members()) {
        const std::string lower = folded(key);
        for (std::size_t i = 0; i < count; ++i)
            if (key != known[i] && lower == folded(known[i]))
                throw Error(ErrorCode::UpstreamInvalid, "manifest: the key '" + printable(key) + "' in " +
                                                            (json.path().empty() ? "the document" : json.path()) +
                                                            ", which some readers take for '" + known[i] + "'");
    }
}

} // namespace wasmproxy
