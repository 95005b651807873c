// SPDX-License-Identifier: Apache-2.0
#include "S3Store.h"

#include "S3Blob.h"
#include "S3Ingest.h"

#include <cstring>

namespace wasmproxy::s3 {

S3Store::S3Store(HostServices& host, std::unique_ptr<S3Settings> settings)
    : S3Store(host, std::move(settings), aws::processEnvironment) {}

S3Store::S3Store(HostServices& host, std::unique_ptr<S3Settings> settings, const aws::Environment& environment)
    : _settings(std::move(settings)),
      _client(std::make_shared<S3Client>(host, *_settings, environment)),
      _records(host, _client) {
    // What is wrong with it is said at the start, not at the first content.
    if (const auto& directory = _settings->spoolDirectory.get(); !directory.empty()) Spool(directory, 0);
}

void* S3Store::ability(const char* id) noexcept {
    if (std::strcmp(id, SharedStore::Id) == 0) return static_cast<SharedStore*>(&_records);
    return CacheStore::ability(id);
}

std::string S3Store::keyOf(const Digest& digest) {
    return "blobs/" + std::string(digest.algorithm()) + "/" + std::string(digest.hex());
}

std::unique_ptr<Blob> S3Store::open(Call& call, const Digest& digest) {
    if (digest.empty()) return nullptr;
    auto spool = _client->fetch(call, keyOf(digest));
    if (!spool) return nullptr;
    return std::make_unique<S3Blob>(std::move(spool));
}

std::unique_ptr<Ingest> S3Store::ingest(Call& call, std::uint64_t) {
    return std::make_unique<S3Ingest>(
        call, _client, std::make_unique<Spool>(_settings->spoolDirectory.get(), _settings->maxSize.get()));
}

bool S3Store::remove(Call& call, const Digest& digest) {
    if (digest.empty()) return false;
    const auto key = keyOf(digest);
    if (!_client->exists(call, key)) return false; // DELETE answers the same whether there was one
    _client->remove(call, key);
    return true;
}

void S3Store::visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) {
    const std::string below = _client->address().prefix() + "blobs/";
    std::string continuation;
    do {
        const auto list = _client->list(call, "blobs/", continuation);
        for (const auto& object : list.objects) {
            if (object.key.compare(0, below.size(), below) != 0) continue;
            auto name = object.key.substr(below.size()); // "sha256/6c3c…"
            const auto slash = name.find('/');
            if (slash == std::string::npos) continue;
            name[slash] = ':';
            if (const auto digest = Digest::tryParse(name)) visitor(StoredBlob{*digest, object.size});
        }
        if (!list.continuation.empty() && list.continuation == continuation)
            throw Error(ErrorCode::StorageFault, _client->address().shown() + ": its list of objects goes in a circle");
        continuation = list.continuation;
    } while (!continuation.empty());
}

} // namespace wasmproxy::s3
