// SPDX-License-Identifier: Apache-2.0
#include "KvReader.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::vault {

namespace {

constexpr std::size_t MaximumMounts = 100;
constexpr std::chrono::minutes LookupPause{10};

bool startsWith(const std::string& text, const std::string& head) {
    return text.compare(0, head.size(), head) == 0;
}

/// `data/` behind the first component, where nobody says how long the mount's name is.
std::string withData(const std::string& path) {
    const std::size_t slash = path.find('/');
    if (slash == std::string::npos || path.find("/data/") != std::string::npos) return path;
    return path.substr(0, slash + 1) + "data/" + path.substr(slash + 1);
}

} // namespace

KvAnswer KvReader::read(Call& call, const std::string& path, const Secret& token) {
    const bool automatic = _settings.kvVersion.get() == "auto";
    auto mount = automatic ? mountOf(call, path, token) : std::nullopt;
    std::string asked = apiPath(path, mount);
    VaultAnswer answer = _client.get(call, asked, token);
    // "Invalid path for a versioned K/V secrets engine": it is version 2 and was taken for version 1.
    if (automatic && answer.status == 404 && answer.has("warnings")) {
        if (mount) {
            forget(*mount);
            mount = mountOf(call, path, token);
        }
        const std::string other = mount ? apiPath(path, mount) : withData(path);
        if (other != asked) {
            asked = other;
            answer = _client.get(call, asked, token);
        }
    }
    if (automatic && !mount && (answer.good() || answer.status == 404)) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _noLookupUntil = Call::Clock::now() + LookupPause;
    }
    return understood(answer, asked, mount);
}

std::optional<KvReader::Mount> KvReader::known(const std::string& path) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    for (const auto& [mount, versioned] : _mounts)
        if (startsWith(path, mount)) return Mount{mount, versioned};
    return {};
}

std::optional<KvReader::Mount> KvReader::mountOf(Call& call, const std::string& path, const Secret& token) {
    if (auto mount = known(path)) return mount;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (Call::Clock::now() < _noLookupUntil) return {};
    }
    const VaultAnswer answer = _client.get(call, "sys/internal/ui/mounts/" + path, token);
    if (!answer.good()) return {};
    // No promised API: what is not as expected is not used.
    try {
        const StrictJson data = answer.json().at("data");
        Mount mount{data.at("path").asString(), false};
        if (mount.path.empty()) return {};
        if (mount.path.back() != '/') mount.path += '/';
        if (const auto options = data.find("options")) mount.versioned = options->stringOr("version", "1") == "2";
        if (!startsWith(path, mount.path)) return {};
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_mounts.size() < MaximumMounts) _mounts[mount.path] = mount.versioned;
        return mount;
    } catch (const Error&) {
        return {};
    }
}

void KvReader::forget(const Mount& mount) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _mounts.erase(mount.path);
}

std::string KvReader::apiPath(const std::string& path, const std::optional<Mount>& mount) const {
    if (_settings.kvVersion.get() == "2") return withData(path);
    if (!mount || !mount->versioned) return path;
    const std::string rest = path.substr(mount->path.size());
    return startsWith(rest, "data/") ? path : mount->path + "data/" + rest;
}

KvAnswer KvReader::understood(const VaultAnswer& answer, const std::string& path,
                              const std::optional<Mount>& mount) const {
    KvAnswer result;
    result.path = path;
    if (answer.status == 403) result.outcome = KvAnswer::Outcome::Refused;
    if (answer.status == 403 || answer.status == 404) result.said = answer.refusal();
    if (answer.status == 403 || answer.status == 404 || answer.status == 204) return result;
    if (!answer.good())
        throw Error(ErrorCode::CredentialSourceFault, answer.from + " answered " + answer.refusal(),
                    "is `path` the path of a key-value secret?");
    const StrictJson json = answer.json();
    auto fields = json.find("data");
    if (!fields) return result;
    if (!fields->isObject()) fields->fail("an object");
    bool versioned = _settings.kvVersion.get() == "2" || (mount && mount->versioned);
    if (_settings.kvVersion.get() == "auto" && !mount) {
        // By its shape: version 2 wraps the fields and tells the version.
        const auto metadata = fields->find("metadata");
        versioned = metadata && metadata->isObject() && metadata->find("version").has_value();
    }
    if (versioned) fields = fields->find("data");
    if (!fields) return result; // deleted
    if (!fields->isObject()) fields->fail("an object");
    if (!json.stringOr("lease_id", "").empty())
        if (const auto lease = json.find("lease_duration"))
            result.lease = std::chrono::seconds(lease->asUnsigned(1u << 31));
    result.outcome = KvAnswer::Outcome::Found;
    result.fields = std::move(fields);
    return result;
}

} // namespace wasmproxy::vault
