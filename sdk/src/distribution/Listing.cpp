// SPDX-License-Identifier: Apache-2.0
#include "Listing.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/Manifest.h"
#include "wasmproxy/oci/MediaType.h"
#include "wasmproxy/oci/Reference.h"
#include "wasmproxy/oci/StrictJson.h"

#include "LinkHeader.h"

#include <algorithm>
#include <set>

namespace wasmproxy {

namespace {

constexpr std::size_t TagsPerPage = 1000; // ECR refuses more

std::string pathOf(const std::string& target) {
    return target.substr(0, target.find('?'));
}

/// A digest's colon may come encoded.
std::string withColons(std::string path) {
    for (const char* code : {"%3A", "%3a"})
        for (auto at = path.find(code); at != std::string::npos; at = path.find(code, at))
            path.replace(at, 3, ":");
    return path;
}

/// A name that cannot be asked for is not listed but refused: it goes into URLs and logs.
void checkTag(const Repository& repository, const std::string& name, const std::string& subject) {
    try {
        if (!name.empty()) static_cast<void>(Reference(repository, name));
    } catch (const Error&) {
        throw Error(ErrorCode::UpstreamInvalid, subject + ": the registry lists a name that is no tag");
    }
    if (name.empty()) throw Error(ErrorCode::UpstreamInvalid, subject + ": the registry lists an empty tag");
}

bool saysFiltered(const HttpResponse& response) {
    for (std::string value : response.headerValues("OCI-Filters-Applied")) {
        value.erase(std::remove_if(value.begin(), value.end(), [](char c) { return c == ' ' || c == '\t'; }),
                    value.end());
        if (("," + value + ",").find(",artifactType,") != std::string::npos) return true;
    }
    return false;
}

std::vector<Descriptor> childrenOf(const std::string& body, const HttpResponse& response, const std::string& subject) {
    ManifestLimits limits;
    limits.bytes = Listing::PageLimit;
    limits.descriptors = Listing::MaximumReferrers;
    auto parsed = parseManifest(body, response.header("Content-Type"), limits);
    if (auto* const index = std::get_if<ImageIndex>(&parsed)) return std::move(index->manifests);
    throw Error(ErrorCode::UpstreamInvalid, subject + ": expected an image index, got an image manifest");
}

/// Returns whether all found their place.
bool append(RegistryListing::Referrers& result, std::vector<Descriptor> found, const std::string& artifactType) {
    for (auto& descriptor : found) {
        if (!artifactType.empty() && descriptor.artifactType != artifactType) continue;
        if (result.descriptors.size() == Listing::MaximumReferrers) return false;
        result.descriptors.push_back(std::move(descriptor));
    }
    return true;
}

} // namespace

RegistryExchange Listing::exchange(const Subject& subject) const {
    return {_shared, subject.call, subject.repository, _api(subject.repository), subject.credential};
}

RegistryListing::Tags Listing::tags(Call& call, const Repository& repository, const Credential& credential,
                                    std::size_t limit) {
    Tags result;
    const std::size_t bound = std::min(limit, MaximumTags);
    if (bound == 0) return {{}, false};
    const auto take = [&](const Page& page) {
        StrictJson::Limits limits;
        limits.bytes = PageLimit;
        const auto document =
            StrictJson::parse(page.body, "tag list of " + page.subject, ErrorCode::UpstreamInvalid, limits);
        const auto names = document.find("tags"); // null where there are none
        for (const auto& item : names ? names->items() : std::vector<StrictJson>()) {
            if (result.names.size() == bound) {
                result.complete = false;
                break;
            }
            std::string name = item.asString();
            checkTag(repository, name, page.subject);
            result.names.push_back(std::move(name));
        }
        return result.names.size() < bound;
    };
    const auto unknown = [](const HttpResponse& response) { return response.status() == 404; };
    const auto pages =
        walk({call, repository, credential}, "tags/list?n=" + std::to_string(std::min(bound, TagsPerPage)),
             "application/json", unknown, take);
    if (pages == Pages::Cut) result.complete = false;
    return result;
}

RegistryListing::Referrers Listing::referrers(Call& call, const Repository& repository, const Digest& digest,
                                              const Credential& credential, const std::string& artifactType) {
    if (digest.empty()) throw Error(ErrorCode::DigestInvalid, "referrers are asked for without a digest");
    Referrers result;
    const auto take = [&](const Page& page) {
        const bool filtered = saysFiltered(page.response);
        if (!append(result, childrenOf(page.body, page.response, page.subject), filtered ? "" : artifactType))
            result.complete = false;
        return result.descriptors.size() < MaximumReferrers;
    };
    // What a registry that does not know the API answers, besides a page of its own.
    const auto unknown = [](const HttpResponse& response) {
        const int status = response.status();
        return status == 404 || status == 400 || status == 406 ||
               (status == 200 && media::essence(response.header("Content-Type")) != media::OciIndex);
    };
    const std::string what =
        "referrers/" + digest.str() + (artifactType.empty() ? "" : "?artifactType=" + percentEncode(artifactType));
    const auto pages = walk({call, repository, credential}, what, media::OciIndex, unknown, take);
    if (pages == Pages::Unknown) return byTag({call, repository, credential}, digest, artifactType);
    if (pages == Pages::Cut) result.complete = false;
    return result;
}

/// Source: OCI distribution-spec, "Referrers Tag Schema".
RegistryListing::Referrers Listing::byTag(const Subject& subject, const Digest& digest,
                                          const std::string& artifactType) {
    const std::string what =
        "manifests/" + std::string(digest.algorithm().substr(0, 32)) + "-" + std::string(digest.hex().substr(0, 64));
    auto exchange = this->exchange(subject);
    const auto answer = exchange.send("GET", what, {{"Accept", media::OciIndex}});
    if (answer.status() == 404) return {};
    if (answer.status() != 200) exchange.refuse(answer, what);
    const std::string words = exchange.subject(what);
    const std::string body = answer.response->readAll(PageLimit, ("referrers of " + words).c_str());
    Referrers result;
    result.complete = append(result, childrenOf(body, *answer.response, words), artifactType);
    return result;
}

Listing::Pages Listing::walk(const Subject& subject, std::string what, const std::string& accept,
                             const std::function<bool(const HttpResponse&)>& unknown,
                             const std::function<bool(const Page&)>& take) {
    const std::string asked = pathOf(what);
    std::set<std::string> seen = {what};
    for (std::size_t bytes = 0;;) {
        auto exchange = this->exchange(subject); // a page may want a token of its own
        const std::string words = exchange.subject(asked);
        const auto answer = exchange.send("GET", what, {{"Accept", accept}});
        if (seen.size() == 1 && unknown(*answer.response)) return Pages::Unknown;
        if (answer.status() != 200) exchange.refuse(answer, asked);
        const Page page{*answer.response, answer.response->readAll(PageLimit, ("list of " + words).c_str()), words};
        bytes += page.body.size();
        const bool wanted = take(page);
        const auto link = nextLink(answer.response->headerValues("Link"));
        if (!link) return Pages::All;
        what = following(answer, *link, asked, subject, words);
        if (!wanted || bytes >= TotalLimit || seen.size() == MaximumPages || !seen.insert(what).second)
            return Pages::Cut;
    }
}

std::string Listing::following(const RegistryAnswer& answer, const std::string& link, const std::string& asked,
                               const Subject& subject, const std::string& words) const {
    const HttpUrl next = answer.url.resolve(link, "next page of " + words);
    const HttpUrl api = _api(subject.repository);
    if (!next.sameOrigin(api))
        throw Error(ErrorCode::UpstreamInvalid, words + ": the next page is refused: it leads to " + next.origin() +
                                                    " and not to the registry itself, " + api.origin());
    // The same list, be it where the registry redirected to within itself; only the query is new.
    const std::string path = pathOf(next.target());
    const std::string own = "/v2/" + _shared.dialect.apiPath(subject.repository) + "/" + asked;
    if (withColons(path) != own && path != pathOf(answer.url.target()))
        throw Error(ErrorCode::UpstreamInvalid, words + ": the next page is refused: it leads out of the list");
    return asked + next.target().substr(path.size());
}

} // namespace wasmproxy
