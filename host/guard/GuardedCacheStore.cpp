// SPDX-License-Identifier: Apache-2.0
#include "guard/GuardedCacheStore.h"

namespace wasmproxy::host {
namespace {

class GuardedIngest : public Ingest {
public:
    GuardedIngest(std::unique_ptr<Ingest> ingest, const PluginGuard& guard)
        : _ingest(std::move(ingest)), _guard(guard) {}

    void write(const char* bytes, std::size_t size) override {
        _guard.quick("write", [&] { _ingest->write(bytes, size); });
    }
    void commit(const Digest& digest) override {
        _guard.run("commit", [&] { _ingest->commit(digest); });
    }

private:
    std::unique_ptr<Ingest> _ingest;
    const PluginGuard& _guard; // the store's, which outlives every ingest
};

} // namespace

std::unique_ptr<Ingest> GuardedCacheStore::ingest(Call& call, std::uint64_t expectedSize) {
    return _guard.run("ingest", [&]() -> std::unique_ptr<Ingest> {
        auto ingest = _plugin->ingest(call, expectedSize);
        if (!ingest) throw Error(ErrorCode::PluginFault, _guard.instance() + " gave no ingest");
        return std::make_unique<GuardedIngest>(std::move(ingest), _guard);
    });
}

} // namespace wasmproxy::host
