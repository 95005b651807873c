// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace wasmproxy::kubernetes {

/// Text that may hold secrets: grows without leaving copies behind, and is zeroed when it goes.
class WipedBuffer {
public:
    WipedBuffer() = default;
    explicit WipedBuffer(std::string text) : _text(std::move(text)) {}
    ~WipedBuffer() { Secret::wipe(_text); }
    WipedBuffer(const WipedBuffer&) = delete;
    WipedBuffer& operator=(const WipedBuffer&) = delete;

    std::string_view view() const noexcept { return _text; }
    std::size_t size() const noexcept { return _text.size(); }
    void append(std::string_view bytes) {
        const std::size_t wanted = _text.size() + bytes.size();
        if (wanted > _text.capacity()) {
            std::string larger;
            larger.reserve(std::max(wanted, 2 * _text.capacity()));
            larger.append(_text);
            Secret::wipe(_text);
            _text.swap(larger);
        }
        _text.append(bytes);
    }
    void clear() noexcept {
        Secret::wipe(_text);
        if (_text.capacity() > Kept) std::string().swap(_text);
    }

private:
    static constexpr std::size_t Kept = 64 * 1024;
    std::string _text;
};

} // namespace wasmproxy::kubernetes
