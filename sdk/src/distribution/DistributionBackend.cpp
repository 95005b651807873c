// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/DistributionBackend.h"

#include "wasmproxy/oci/Manifest.h"
#include "wasmproxy/oci/MediaType.h"

#include "Listing.h"
#include "OffsetReader.h"
#include "RegistryExchange.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace wasmproxy {

namespace {

constexpr std::size_t ManifestLimit = 4u << 20;

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) return {};
    return value;
}

bool isManifestType(const std::string& type) {
    return media::isManifest(type) || media::isImageIndex(type);
}

void refusePage(const RegistryAnswer& answer, const RegistryExchange& exchange, const std::string& what) {
    if (media::essence(answer.response->header("Content-Type")) == "text/html")
        throw Error(ErrorCode::UpstreamInvalid, exchange.subject(what) + ": " + answer.url.authority() +
                                                    " answered with a web page: that is no registry, or a login or "
                                                    "proxy page stands before it");
}

void checkDigest(const Reference& reference, const Digest& got, const std::string& subject) {
    if (reference.digest() && *reference.digest() != got)
        throw Error(ErrorCode::UpstreamInvalid, subject + ": the registry answered with " + got.str());
}

/// What HEAD says, if it says all of it; nullopt: the manifest itself must be asked.
std::optional<Descriptor> describedBy(const RegistryAnswer& answer, const Reference& reference,
                                      const std::string& subject) {
    Descriptor descriptor;
    descriptor.mediaType = media::essence(answer.response->header("Content-Type"));
    const auto digest = Digest::tryParse(answer.response->header("Docker-Content-Digest"));
    const auto size = number(answer.response->header("Content-Length"));
    if (!isManifestType(descriptor.mediaType) || !digest || !size || *size == 0) return {};
    // The algorithm may differ from the one asked for; then only the bytes can tell.
    if (reference.digest() && reference.digest()->algorithm() != digest->algorithm()) return {};
    checkDigest(reference, *digest, subject);
    if (*size > ManifestLimit) throw Error(ErrorCode::UpstreamInvalid, subject + ": the manifest is larger than 4 MiB");
    descriptor.digest = *digest;
    descriptor.size = *size;
    return descriptor;
}

/// `bytes 5-9/10`, from `offset` to the content's end.
bool coversFrom(std::uint64_t offset, std::uint64_t size, const std::string& contentRange) {
    if (contentRange.compare(0, 6, "bytes ") != 0) return false;
    const std::size_t dash = contentRange.find('-');
    const std::size_t slash = contentRange.find('/');
    if (dash == std::string::npos || slash == std::string::npos || slash < dash) return false;
    const std::string_view text = contentRange;
    const auto first = number(text.substr(6, dash - 6));
    const auto last = number(text.substr(dash + 1, slash - dash - 1));
    auto total = number(text.substr(slash + 1));
    if (!total && text.substr(slash + 1) != "*") return false;
    if (size != Descriptor::UnknownSize && total && *total != size) return false;
    if (!total && size != Descriptor::UnknownSize) total = size;
    return first && last && *first == offset && *last >= *first && (!total || *last + 1 == *total);
}

} // namespace

struct DistributionBackend::Parts {
    Parts(HostServices& host, std::unique_ptr<DistributionSettings> given, std::unique_ptr<RegistryDialect> own)
        : settings(std::move(given)),
          dialect(std::move(own)),
          bearer(host, RealmRules(settings->tokenRealms.get(),
                                  [this](const std::string& registry, const std::string& realm) {
                                      return dialect->knowsRealm(registry, realm);
                                  })),
          shared{host, *dialect, bearer, challenges, gate},
          listing(shared, [this](const Repository& repository) { return apiOf(repository); }) {}

    HttpUrl apiOf(const Repository& repository) const {
        const std::string& endpoint = settings->endpoint.get();
        const std::string host = endpoint.empty() ? dialect->apiHost(repository) : endpoint;
        const char* scheme = host.find("://") != std::string::npos ? ""
                             : settings->plainHttp.get()           ? "http://"
                                                                   : "https://";
        return HttpUrl::parse(scheme + host, "API address of " + repository.host());
    }

    RegistryExchange exchange(Call& call, const Repository& repository, const Credential& credential) const {
        return {shared, call, repository, apiOf(repository), credential};
    }

    std::unique_ptr<DistributionSettings> settings;
    std::unique_ptr<RegistryDialect> dialect;
    BearerAuthorizer bearer;
    ChallengeMemory challenges;
    CredentialGate gate;
    RegistryExchange::Shared shared;
    Listing listing;
};

DistributionBackend::DistributionBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings,
                                         std::unique_ptr<RegistryDialect> dialect)
    : _parts(std::make_unique<Parts>(host, std::move(settings), std::move(dialect))) {}

DistributionBackend::~DistributionBackend() = default;

Capabilities DistributionBackend::capabilities() const {
    Capabilities capabilities;
    capabilities.referrers = true;
    return capabilities;
}

void* DistributionBackend::ability(const char* id) noexcept {
    if (id == nullptr || std::strcmp(id, RegistryListing::Id) != 0) return nullptr;
    return static_cast<RegistryListing*>(&_parts->listing);
}

std::optional<Descriptor> DistributionBackend::resolve(Call& call, const Reference& reference,
                                                       const Credential& credential) {
    auto exchange = _parts->exchange(call, reference.repository(), credential);
    const std::string what =
        "manifests/" + (reference.digest() ? reference.digest()->str() : percentEncode(reference.tag()));
    const std::string subject = exchange.subject(what);
    const std::vector<HttpHeader> headers = {{"Accept", media::manifestAccept()}};

    const auto head = exchange.send("HEAD", what, headers);
    switch (head.status()) {
    case 200:
        refusePage(head, exchange, what);
        if (auto descriptor = describedBy(head, reference, subject)) return descriptor;
        break;
    case 404:
        return {};
    case 403: // GET says why, and where only HEAD is not allowed it is the answer
    case 405:
    case 412:
    case 501:
        break;
    default:
        exchange.refuse(head, what);
    }

    const auto answer = exchange.send("GET", what, headers);
    if (answer.status() == 404) return {};
    if (answer.status() != 200) exchange.refuse(answer, what);
    refusePage(answer, exchange, what);
    Descriptor descriptor;
    std::string bytes = answer.response->readAll(ManifestLimit, ("manifest of " + subject).c_str());
    const auto parsed = parseManifest(bytes, answer.response->header("Content-Type"));
    descriptor.mediaType = std::visit([](const auto& manifest) { return manifest.mediaType; }, parsed);
    // Docker-Content-Digest is not asked: broken mirrors send another document's.
    DigestStream digest(reference.digest() ? reference.digest()->algorithm() : "sha256");
    digest.update(bytes.data(), bytes.size());
    descriptor.digest = digest.finish();
    checkDigest(reference, descriptor.digest, subject);
    descriptor.size = bytes.size();
    descriptor.data = std::move(bytes);
    return descriptor;
}

std::unique_ptr<BodyReader> DistributionBackend::fetch(Call& call, const Repository& repository,
                                                       const Descriptor& descriptor, const Credential& credential,
                                                       std::uint64_t offset) {
    auto exchange = _parts->exchange(call, repository, credential);
    const bool manifest = isManifestType(descriptor.mediaType) || media::isSchema1(descriptor.mediaType);
    const std::string what = (manifest ? "manifests/" : "blobs/") + descriptor.digest.str();
    std::vector<HttpHeader> headers;
    if (manifest) headers.push_back({"Accept", media::manifestAccept()});
    if (offset > 0) headers.push_back({"Range", "bytes=" + std::to_string(offset) + "-"});

    auto answer = exchange.send("GET", what, headers);
    if (answer.status() == 404) return nullptr;
    if (answer.status() == 206 && offset > 0) {
        const std::string range = answer.response->header("Content-Range");
        if (!coversFrom(offset, descriptor.size, range))
            throw Error(ErrorCode::UpstreamInvalid, exchange.subject(what) + ": asked from byte " +
                                                        std::to_string(offset) + " on, " + answer.url.authority() +
                                                        " answered with another range");
        return std::move(answer.response);
    }
    if (answer.status() != 200) exchange.refuse(answer, what);
    if (manifest) refusePage(answer, exchange, what);
    const auto length = number(answer.response->header("Content-Length"));
    if (length && descriptor.size != Descriptor::UnknownSize && *length != descriptor.size) {
        refusePage(answer, exchange, what);
        throw Error(ErrorCode::UpstreamInvalid, exchange.subject(what) + ": " + answer.url.authority() +
                                                    " answered with " + std::to_string(*length) + " bytes instead of " +
                                                    std::to_string(descriptor.size));
    }
    if (offset == 0) return std::move(answer.response);
    return std::make_unique<OffsetReader>(std::move(answer.response), offset, exchange.subject(what));
}

} // namespace wasmproxy
