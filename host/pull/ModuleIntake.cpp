// SPDX-License-Identifier: Apache-2.0
#include "pull/ModuleIntake.h"

#include "observe/Log.h"
#include "pull/IndexWrite.h"
#include "wasm/ModuleInspector.h"

namespace wasmproxy::host {
namespace {

constexpr const char* NoAbi = "the module exports no proxy_abi_version function: it is no proxy-wasm extension";

} // namespace

ModuleRecord ModuleIntake::take(Call& call, const PullTarget& target, const Finder& find) {
    std::unique_ptr<Ingest> ingest;
    DigestStream stream;
    const auto found = find([&](const char* bytes, std::size_t size) {
        if (!ingest) ingest = _cache.ingest(call, Descriptor::UnknownSize);
        stream.update(bytes, size);
        ingest->write(bytes, size);
        call.check("unpacking the module");
    });

    ModuleRecord record;
    record.module = stream.finish();
    record.size = found.size;
    record.layout = found.layout;
    record.layer = found.layer;
    record.entry = found.entry;
    record.pulledAt = std::chrono::system_clock::now();
    // A layer that is the module itself is in the cache already, under the same digest.
    if (ingest && record.module != record.layer) {
        ingest->commit(record.module);
        writeIndex(call.requestId(), [&] { _index.recordContent(record.module, record.size); });
    }
    ingest.reset();

    auto blob = _cache.openTrusted(call, record.module);
    if (!blob) throw Error(ErrorCode::StorageFault, "the cache lost " + record.module.str() + " right away");
    record.proxyAbi = inspectModule(*blob).proxyAbi;
    if (record.proxyAbi.empty() && _limits.requireProxyWasm == RequireProxyWasm::Warn)
        log(LogLevel::Warning, "serving a module that proxies will probably refuse",
            {{"request", call.requestId()},
             {"trace", call.trace().traceId()},
             {"repository", target.reference.repository().str()},
             {"module", record.module.str()},
             {"cause", NoAbi},
             {"hint", "pull.require-proxy-wasm = yes refuses such modules, = no keeps silent"}});
    return record;
}

std::optional<Error> ModuleIntake::refusal(const ModuleRecord& record, const PullTarget& target) const {
    if (record.proxyAbi.empty() && _limits.requireProxyWasm == RequireProxyWasm::Yes)
        return Error(ErrorCode::ModuleUnusable, NoAbi, "pull.require-proxy-wasm = warn would serve it");
    if (record.size > _limits.module.moduleBytes)
        return Error(ErrorCode::ModuleUnusable,
                     "the module has " + std::to_string(record.size) + " bytes, more than the limit of " +
                         std::to_string(_limits.module.moduleBytes),
                     "raise pull.max-module");
    if (target.module && *target.module != record.module) {
        const bool manifest = *target.module == record.manifest || *target.module == record.selectedManifest;
        return Error(ErrorCode::ModuleUnusable,
                     "the module's bytes have " + record.module.str() + ", not " + target.module->str() +
                         (target.extension ? " as Extension " + target.extension->name + " wants" : ""),
                     manifest ? "that is the manifest's digest, which is pinned in `url` as …@" + target.module->str() +
                                    "; `sha256` is of the module's bytes"
                              : "");
    }
    return std::nullopt;
}

} // namespace wasmproxy::host
