// SPDX-License-Identifier: Apache-2.0
#include "pull/SharedRecords.h"

#include "wasmproxy/oci/StrictJson.h"

#include <Poco/JSON/Object.h>

#include <algorithm>
#include <sstream>

namespace wasmproxy::host {
namespace {

using Poco::JSON::Object;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr int Version = 1;
constexpr std::size_t MaxText = 4096;
constexpr std::chrono::seconds Patience{2}; // a record is small; the registry is there without it

std::string keyOfTag(const Reference& reference) {
    return "tag/" + reference.repository().str() + ":" + reference.tag();
}

std::string keyOfModule(const Repository& repository, const Digest& manifest) {
    return "module/" + repository.str() + "@" + manifest.str();
}

Poco::Int64 toNumber(system_clock::time_point time) {
    return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

Object begun(const Repository& repository) {
    Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    object.set("version", Version);
    object.set("repository", repository.str());
    return object;
}

std::string text(const Object& object) {
    std::ostringstream out;
    object.stringify(out);
    return out.str();
}

/// A document of exactly these members, of this version and repository.
StrictJson parse(const std::string& text, const std::string& key, const Repository& repository, std::size_t members) {
    StrictJson::Limits limits;
    limits.bytes = SharedStore::MaxRecord;
    limits.depth = 2;
    const auto json = StrictJson::parse(text, "the shared record " + key, ErrorCode::StorageFault, limits);
    if (json.at("version").asUnsigned() != Version) json.at("version").fail(std::to_string(Version));
    if (json.at("repository").asString() != repository.str()) json.at("repository").fail(repository.str());
    if (json.members().size() != members) json.fail(std::to_string(members) + " members");
    return json;
}

Digest digestOf(const StrictJson& json, const std::string& key) {
    const auto value = json.at(key);
    const auto digest = Digest::tryParse(value.asString());
    if (!digest) value.fail("a digest");
    return *digest;
}

std::string textOf(const StrictJson& json, const std::string& key) {
    const auto value = json.at(key);
    auto text = value.asString();
    if (text.size() > MaxText) value.fail("at most " + std::to_string(MaxText) + " bytes");
    return text;
}

/// Clocks differ a little; what is further ahead would be fresh for longer than anybody allowed.
system_clock::time_point timeOf(const StrictJson& json, const std::string& key) {
    const auto value = json.at(key);
    const auto given = value.asUnsigned();
    const auto now = system_clock::now();
    // As numbers: a time of any year would not fit in a time_point.
    if (given > static_cast<std::uint64_t>(toNumber(now + SharedRecords::Skew))) value.fail("a time that has come");
    return std::min(system_clock::time_point{milliseconds(given)}, now);
}

void remove(Call& call, const CacheTiers::Tier& tier, const std::string& key) {
    if (key.size() > SharedStore::MaxKey) return;
    auto within = call.within(Patience);
    tier.shared->removeRecord(within, key);
}

} // namespace

std::optional<SharedRecords::Tag> SharedRecords::tag(Call& call, const CacheTiers::Tier& tier,
                                                     const Reference& reference) const {
    const auto key = keyOfTag(reference);
    if (key.size() > SharedStore::MaxKey) return std::nullopt;
    auto within = call.within(Patience);
    const auto found = tier.shared->record(within, key);
    if (!found) return std::nullopt;
    const auto json = parse(*found, key, reference.repository(), 5);
    if (json.at("tag").asString() != reference.tag()) json.at("tag").fail(reference.tag());
    return Tag{digestOf(json, "manifest"), timeOf(json, "validatedAt")};
}

void SharedRecords::putTag(Call& call, const CacheTiers::Tier& tier, const Reference& reference, const Tag& tag,
                           std::chrono::seconds lifetime) const {
    const auto key = keyOfTag(reference);
    if (key.size() > SharedStore::MaxKey) return;
    auto object = begun(reference.repository());
    object.set("tag", reference.tag());
    object.set("manifest", tag.manifest.str());
    object.set("validatedAt", toNumber(tag.validatedAt));
    auto within = call.within(Patience);
    tier.shared->putRecord(within, key, text(object), lifetime);
}

std::optional<ModuleRecord> SharedRecords::module(Call& call, const CacheTiers::Tier& tier,
                                                  const Repository& repository, const Digest& manifest) const {
    const auto key = keyOfModule(repository, manifest);
    if (key.size() > SharedStore::MaxKey) return std::nullopt;
    auto within = call.within(Patience);
    const auto found = tier.shared->record(within, key);
    if (!found) return std::nullopt;
    const auto json = parse(*found, key, repository, 11);
    ModuleRecord record;
    record.manifest = digestOf(json, "manifest");
    if (record.manifest != manifest) json.at("manifest").fail(manifest.str());
    record.selectedManifest = digestOf(json, "selectedManifest");
    record.module = digestOf(json, "module");
    if (record.module.algorithm() != "sha256") json.at("module").fail("a sha256 digest");
    record.size = json.at("size").asUnsigned();
    record.layout = textOf(json, "layout");
    record.layer = digestOf(json, "layer");
    record.entry = textOf(json, "entry");
    record.proxyAbi = textOf(json, "proxyAbi");
    record.pulledAt = timeOf(json, "pulledAt");
    return record;
}

void SharedRecords::putModule(Call& call, const CacheTiers::Tier& tier, const Repository& repository,
                              const ModuleRecord& record, std::chrono::seconds lifetime) const {
    const auto key = keyOfModule(repository, record.manifest);
    if (key.size() > SharedStore::MaxKey) return;
    auto object = begun(repository);
    object.set("manifest", record.manifest.str());
    object.set("selectedManifest", record.selectedManifest.str());
    object.set("module", record.module.str());
    object.set("size", static_cast<Poco::UInt64>(record.size));
    object.set("layout", record.layout);
    object.set("layer", record.layer.str());
    object.set("entry", record.entry);
    object.set("proxyAbi", record.proxyAbi);
    object.set("pulledAt", toNumber(record.pulledAt));
    auto within = call.within(Patience);
    tier.shared->putRecord(within, key, text(object), lifetime);
}

void SharedRecords::removeTag(Call& call, const CacheTiers::Tier& tier, const Reference& reference) const {
    remove(call, tier, keyOfTag(reference));
}

void SharedRecords::removeModule(Call& call, const CacheTiers::Tier& tier, const Repository& repository,
                                 const Digest& manifest) const {
    remove(call, tier, keyOfModule(repository, manifest));
}

} // namespace wasmproxy::host
