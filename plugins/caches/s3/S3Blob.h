// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Spool.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <memory>

namespace wasmproxy::s3 {

/// An object, fetched whole: what happens to it in the bucket is nothing to this Blob.
class S3Blob : public Blob {
public:
    explicit S3Blob(std::unique_ptr<const Spool> spool) : _spool(std::move(spool)) {}

    std::uint64_t size() const noexcept override { return _spool->size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return _spool->read(offset, buffer, size);
    }
    int descriptor() const noexcept override { return _spool->descriptor(); }

private:
    const std::unique_ptr<const Spool> _spool;
};

} // namespace wasmproxy::s3
