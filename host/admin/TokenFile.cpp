// SPDX-License-Identifier: Apache-2.0
#include "admin/TokenFile.h"

#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

constexpr std::size_t MaxFile = 64 * 1024;

class Descriptor {
public:
    explicit Descriptor(const std::string& path) : _value(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    ~Descriptor() {
        if (_value >= 0) ::close(_value);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int value() const { return _value; }

private:
    int _value;
};

/// Zeroed when it goes.
struct Text {
    ~Text() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
    std::string bytes;
};

/// What RFC 6750 lets stand after "Bearer".
bool isToken(const std::string& text) {
    static const std::string others = "-._~+/=";
    return std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               others.find(static_cast<char>(c)) != std::string::npos;
    });
}

bool isName(const std::string& text) {
    return !text.empty() && text.size() <= 64 &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

std::string trimmed(const std::string& text) {
    const std::size_t start = text.find_first_not_of(" \t\r");
    return start == std::string::npos ? "" : text.substr(start, text.find_last_not_of(" \t\r") + 1 - start);
}

} // namespace

TokenFile::TokenFile(std::string key, std::string path, std::string defaultName)
    : _key(std::move(key)),
      _path(std::move(path)),
      _defaultName(std::move(defaultName)),
      _stamp(_path),
      _known(read()) {}

std::array<unsigned char, 32> TokenFile::digestOf(const std::string& token) {
    std::array<unsigned char, 32> digest{};
    if (::EVP_Digest(token.data(), token.size(), digest.data(), nullptr, ::EVP_sha256(), nullptr) != 1)
        throw Error(ErrorCode::Internal, "SHA-256 cannot be computed");
    return digest;
}

std::vector<TokenFile::Known> TokenFile::read() const {
    const auto fail = [&](const std::string& why, const std::string& hint = "write one token per line: " +
                                                                            std::string("openssl rand -hex 32")) {
        return Error(ErrorCode::SettingsInvalid, _key + ": " + _path + " " + why, hint);
    };
    const Descriptor file(_path);
    if (file.value() < 0) throw fail(std::string("cannot be read: ") + std::strerror(errno), "");
    Text text;
    text.bytes.resize(MaxFile + 1);
    std::size_t size = 0;
    for (ssize_t count = 1; count > 0 && size < text.bytes.size(); size += static_cast<std::size_t>(count)) {
        count = ::read(file.value(), text.bytes.data() + size, text.bytes.size() - size);
        if (count < 0) throw fail(std::string("cannot be read: ") + std::strerror(errno), "");
    }
    if (size > MaxFile) throw fail("is larger than 64 KiB");
    std::vector<Known> known;
    int number = 0;
    for (std::size_t at = 0; at < size;) {
        const std::size_t end = std::min(text.bytes.find('\n', at), size);
        Text line{trimmed(text.bytes.substr(at, end - at))};
        at = end + 1;
        const std::string where = "line " + std::to_string(++number) + ": ";
        if (line.bytes.empty() || line.bytes[0] == '#') continue;
        std::string name = _defaultName;
        if (const std::size_t colon = line.bytes.find(':'); colon != std::string::npos) {
            name = trimmed(line.bytes.substr(0, colon));
            if (!isName(name)) throw fail(where + "the name before ':' is malformed");
            line.bytes = trimmed(line.bytes.substr(colon + 1));
        }
        if (line.bytes.size() < MinLength)
            throw fail(where + "a token has at least " + std::to_string(MinLength) + " bytes");
        if (line.bytes.size() > 4096 || !isToken(line.bytes))
            throw fail(where + "a token has letters, digits and -._~+/= only, at most 4096");
        if (known.size() == MaxTokens) throw fail("has more than " + std::to_string(MaxTokens) + " tokens");
        known.push_back({std::move(name), digestOf(line.bytes)});
    }
    if (known.empty()) throw fail("holds no token");
    return known;
}

void TokenFile::refresh() {
    const FileStamp now(_path);
    if (now == _stamp) return;
    _stamp = now; // of before the reading: a write in between is seen at the next request
    try {
        _known = read();
        log(LogLevel::Information, "the admin tokens were read again", {{"setting", _key}, {"file", _path}});
    } catch (const Error& error) {
        _known.clear();
        log(LogLevel::Error, "nobody is let in by this file until it is corrected",
            {{"setting", _key}, {"cause", error.what()}, {"hint", error.hint()}});
    }
}

std::optional<std::string> TokenFile::nameOf(const std::string& token) {
    const auto digest = digestOf(token);
    const std::lock_guard<std::mutex> lock(_mutex);
    refresh();
    const Known* found = nullptr;
    for (const Known& known : _known)
        if (CRYPTO_memcmp(known.digest.data(), digest.data(), digest.size()) == 0) found = &known;
    return found == nullptr ? std::nullopt : std::optional<std::string>(found->name);
}

} // namespace wasmproxy::host
