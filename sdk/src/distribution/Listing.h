// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/RegistryListing.h"

#include "RegistryExchange.h"

#include <functional>
#include <string>

namespace wasmproxy {

/// Tags and referrers by the distribution protocol, page by page. Pages are asked of the registry's own origin only:
/// what leads elsewhere is refused.
class Listing final : public RegistryListing {
public:
    static constexpr std::size_t MaximumPages = 100;
    static constexpr std::size_t MaximumTags = 10000;
    static constexpr std::size_t MaximumReferrers = 1000;
    static constexpr std::size_t PageLimit = 4u << 20;   ///< bytes
    static constexpr std::size_t TotalLimit = 16u << 20; ///< bytes, of all pages

    /// `shared` outlives it. `api`: where the API of a repository's registry is.
    Listing(const RegistryExchange::Shared& shared, std::function<HttpUrl(const Repository&)> api)
        : _shared(shared), _api(std::move(api)) {}

    Tags tags(Call& call, const Repository& repository, const Credential& credential, std::size_t limit) override;
    Referrers referrers(Call& call, const Repository& repository, const Digest& digest, const Credential& credential,
                        const std::string& artifactType) override;

private:
    enum class Pages { All, Cut, Unknown };

    /// One answer with 200.
    struct Page {
        const HttpResponse& response;
        std::string body;
        std::string subject; ///< for messages
    };

    struct Subject {
        Call& call;
        const Repository& repository;
        const Credential& credential;
    };

    /// Hands page after page to `take` until it says false: it wants no more. Unknown: the first answer is such that
    /// `unknown` holds.
    Pages walk(const Subject& subject, std::string what, const std::string& accept,
               const std::function<bool(const HttpResponse&)>& unknown, const std::function<bool(const Page&)>& take);
    RegistryExchange exchange(const Subject& subject) const;
    /// What to ask for to get the page at `link`, which came with `answer` to `asked`.
    std::string following(const RegistryAnswer& answer, const std::string& link, const std::string& asked,
                          const Subject& subject, const std::string& words) const;
    Referrers byTag(const Subject& subject, const Digest& digest, const std::string& artifactType);

    const RegistryExchange::Shared& _shared;
    const std::function<HttpUrl(const Repository&)> _api;
};

} // namespace wasmproxy
