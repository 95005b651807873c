// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/BodyReader.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

namespace wasmproxy::host {

/// Lets the beginning of a stream be seen before it is read.
class PeekReader : public BodyReader {
public:
    /// Reads ahead up to `peek` bytes.
    PeekReader(std::unique_ptr<BodyReader> source, std::size_t peek)
        : _source(std::move(source)), _beginning(peek, '\0') {
        std::size_t have = 0;
        while (have < peek) {
            const std::size_t count = _source->read(&_beginning[have], peek - have);
            if (count == 0) break;
            have += count;
        }
        _beginning.resize(have);
    }

    const std::string& beginning() const { return _beginning; }

    std::size_t read(char* buffer, std::size_t size) override {
        if (_given == _beginning.size()) return _source->read(buffer, size);
        const std::size_t count = std::min(size, _beginning.size() - _given);
        std::memcpy(buffer, _beginning.data() + _given, count);
        _given += count;
        return count;
    }

private:
    std::unique_ptr<BodyReader> _source;
    std::string _beginning;
    std::size_t _given = 0;
};

} // namespace wasmproxy::host
