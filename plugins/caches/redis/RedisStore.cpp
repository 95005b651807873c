// SPDX-License-Identifier: Apache-2.0
#include "RedisStore.h"

#include "RedisBlob.h"
#include "RedisIngest.h"

#include <cstring>

namespace wasmproxy::redis {

RedisStore::RedisStore(HostServices& host, std::unique_ptr<RedisSettings> settings)
    : _server(std::make_shared<RedisServer>(host, std::move(settings))),
      _contents(std::make_shared<Contents>(_server, _server->settings().prefix)),
      _records(_server, _server->settings().prefix) {}

void* RedisStore::ability(const char* id) noexcept {
    return std::strcmp(id, SharedStore::Id) == 0 ? static_cast<SharedStore*>(&_records) : nullptr;
}

std::unique_ptr<Blob> RedisStore::open(Call& call, const Digest& digest) {
    if (digest.empty()) return nullptr;
    auto head = _contents->head(call, digest);
    if (!head) return nullptr;
    return std::make_unique<RedisBlob>(_server, _contents, digest, std::move(*head));
}

std::unique_ptr<Ingest> RedisStore::ingest(Call& call, std::uint64_t) {
    return std::make_unique<RedisIngest>(_contents, call);
}

bool RedisStore::remove(Call& call, const Digest& digest) {
    return !digest.empty() && _contents->remove(call, digest);
}

void RedisStore::visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) {
    _contents->visit(call, [&](const Digest& digest, const ContentHead& head) {
        visitor(StoredBlob{digest, head.size});
    });
}

} // namespace wasmproxy::redis
