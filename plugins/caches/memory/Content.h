// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Budget.h"

#include <cstddef>
#include <memory>
#include <string>

namespace wasmproxy::memory {

/// The bytes of one content: written by one thread, then sealed and read by any. Small ones are on the heap, since
/// descriptors are scarcer than bytes; larger ones in a memfd, which can be sent from and, sealed, changed by nobody.
/// What it takes is of the Budget until it is gone.
class Content {
public:
    explicit Content(std::shared_ptr<Budget> budget) : _budget(std::move(budget)) {}
    ~Content();
    Content(const Content&) = delete;
    Content& operator=(const Content&) = delete;

    /// Throws Error{StorageFault}; then it is of no more use.
    void append(const char* bytes, std::size_t size);
    void seal(); ///< throws Error{StorageFault}

    std::uint64_t size() const noexcept { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) const;
    int descriptor() const noexcept { return _file; } ///< -1: a small one

    static constexpr std::size_t Small = 16 * 1024; ///< bytes, at most, on the heap

private:
    void grow(std::uint64_t size);
    void write(const char* bytes, std::size_t size);

    const std::shared_ptr<Budget> _budget;
    std::string _bytes;
    int _file = -1;
    std::uint64_t _size = 0;
    std::uint64_t _taken = 0; // of the budget: whole pages
};

} // namespace wasmproxy::memory
