// SPDX-License-Identifier: Apache-2.0
#include "TrialPull.h"

#include "Generation.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace wasmproxy::host {
namespace {

namespace fs = std::filesystem;

PullLimits quietLimits(const PullSettings& settings) {
    auto limits = limitsOf(settings);
    // Nothing is served: what the module exports is told, not warned of.
    if (limits.requireProxyWasm == RequireProxyWasm::Warn) limits.requireProxyWasm = RequireProxyWasm::No;
    return limits;
}

DigestIndexSettings indexIn(const std::string& folder) {
    DigestIndexSettings settings;
    settings.path = folder + "/index.db";
    return settings;
}

} // namespace

/// Beside the index, where there is room and a container may write; else where temporary files are, since who asks need
/// not be who runs the proxy.
TrialPull::Folder::Folder(const std::string& index) {
    std::error_code ignored;
    for (const auto& folder : {fs::path(index).parent_path(), fs::temp_directory_path(ignored)}) {
        path = (folder / ".wasm-proxy-explain-XXXXXX").string();
        if (::mkdtemp(path.data())) return;
    }
    throw Error(ErrorCode::StorageFault, "no folder " + path + " can be made: " + std::strerror(errno),
                "set TMPDIR to a folder that may be written");
}

TrialPull::Folder::~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
}

TrialPull::TrialPull(const Configuration& configuration, Components& components, Keychain& keychain,
                     CredentialMemory& memory)
    : _folder(configuration.settings.index.path),
      _store(_folder.path),
      _index(indexIn(_folder.path)),
      _cache({{"temporary", &_store}}),
      _registry(_cache, _index, keychain, memory, quietLimits(configuration.settings.pull)),
      _http(_cache, _index, quietLimits(configuration.settings.pull),
            [&components](const std::string& url) { return components.transportFor(url); }) {}

std::optional<PulledModule> TrialPull::pull(Call& call, const PullTarget& target) {
    return target.isFile() ? _http.pull(call, target) : _registry.pull(call, target);
}

} // namespace wasmproxy::host
