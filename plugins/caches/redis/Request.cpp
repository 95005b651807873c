// SPDX-License-Identifier: Apache-2.0
#include "Request.h"

#include "wasmproxy/plugin/Secret.h"

#include <hiredis/hiredis.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace wasmproxy::redis {

Request::~Request() {
    Secret::wipe(_bytes);
}

void Request::add(std::initializer_list<std::string_view> words) {
    std::vector<const char*> starts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
        starts.push_back(word.data() != nullptr ? word.data() : "");
        sizes.push_back(word.size());
    }
    char* command = nullptr;
    const int size = redisFormatCommandArgv(&command, static_cast<int>(starts.size()), starts.data(), sizes.data());
    if (size < 0) throw std::bad_alloc();
    const auto length = static_cast<std::size_t>(size);
    try {
        if (_bytes.size() + length > _bytes.capacity()) { // not by itself: it would leave the old bytes behind
            std::string grown;
            grown.reserve(std::max(_bytes.size() + length, 2 * _bytes.size()));
            grown = _bytes;
            _bytes.swap(grown);
            Secret::wipe(grown);
        }
        _bytes.append(command, length);
    } catch (...) {
        OPENSSL_cleanse(command, length);
        std::free(command);
        throw;
    }
    OPENSSL_cleanse(command, length);
    std::free(command);
    ++_commands;
}

} // namespace wasmproxy::redis
