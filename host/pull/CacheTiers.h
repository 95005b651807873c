// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/Leases.h"
#include "pull/RecentContents.h"
#include "pull/SpareMemory.h"
#include "wasmproxy/oci/Descriptor.h"
#include "wasmproxy/plugin/CacheQuarantine.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/SharedStore.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The configured cache stores, fastest first: local ones, then those that are shared with other hosts.
///
/// The last local tier is the main one: what is pulled is written there, and the DigestIndex's list of contents and the
/// Evictor are about it. What is found there is copied into the faster ones, and what is found in a shared one into the
/// main one, hashed on the way. A tier other than the main one that fails has nothing: no request fails for it.
/// Thread-safe.
class CacheTiers {
public:
    struct Tier {
        std::string name;
        CacheStore* store;                          ///< owned by Host, outlives this
        SharedStore* shared = nullptr;              ///< the store's ability; nullptr: the tier is local
        std::uint64_t capacity = ~std::uint64_t(0); ///< bytes, of a tier before the main one
    };
    enum class Kind { Faster, Main, Shared };

    /// How a tier fared since the start.
    struct Use {
        std::string name;
        Kind kind;
        std::uint64_t hits;
        std::uint64_t misses;
        std::uint64_t errors; ///< of a tier that no request fails for
        std::uint64_t scrubbed;
        std::uint64_t bad;                               ///< contents that were not what their digest says
        RecentContents::Held held;                       ///< of a faster one: what it holds
        CacheQuarantine::Held quarantined;               ///< what was put aside, of a store that does so
        std::chrono::system_clock::time_point lastScrub; ///< when all of it had been read last; 1970: not yet
    };

    /// Called with what came into the main tier from a shared one.
    using Stored = std::function<void(const Digest& digest, std::uint64_t size)>;

    /// Takes stock of the faster tiers. Throws Error{SettingsInvalid} where the tiers are in an order that means
    /// nothing.
    /// With `spare` bytes of memory for what the main tier cannot take.
    explicit CacheTiers(std::vector<Tier> tiers, Stored stored = {}, std::uint64_t spare = 0);

    /// `forgetHot` is called before a content leaves a faster tier to make room: as long as it is open it takes some.
    /// Once, before the tiers are used.
    void whenDropped(std::function<void(const Digest&)> forgetHot) { _forgetHot = std::move(forgetHot); }

    /// Of the faster tier of that name, if it is one, from now on. What is too much leaves it.
    void setCapacity(const std::string& tier, std::uint64_t bytes);

    /// Opens and hashes the content; what does not match its digest is removed and counts as absent. nullptr: absent.
    std::unique_ptr<Blob> openVerified(Call& call, const Digest& digest);
    /// Opens what this process has just verified and committed: in a local tier.
    std::unique_ptr<Blob> openTrusted(Call& call, const Digest& digest);
    /// Into the main tier. Once that fails, for some seconds into the spare memory: what began and failed is to be
    /// begun again.
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize);
    bool sparing() const noexcept; ///< ingests go into the spare memory for now
    /// Whether the main tier has said since this was asked last that its disk, or its user's share of it, is full.
    bool wasFull() noexcept { return _full.exchange(false); }
    std::uint64_t spareBytes() const { return _spare ? _spare->bytes() : 0; } ///< in use
    /// Called with what leaves the spare memory for something else.
    void onSpareLeaving(std::function<void(const Digest&)> leaving);
    /// From the local tiers; false: it was in none. Others may still want what is shared.
    bool remove(Call& call, const Digest& digest);
    /// The same unless somebody has the main tier's open, or `still` says no once nobody can open it; `after` comes
    /// before anybody can again. False: it stays.
    bool evict(Call& call, const Digest& digest, const std::function<bool()>& still,
               const std::function<void()>& after);
    const Leases& leases() const noexcept { return _leases; } ///< of the main tier
    /// From that tier alone.
    bool remove(Call& call, const Tier& tier, const Digest& digest);
    /// What is damaged leaves that tier: put aside if the store can do so. Never throws.
    void discard(Call& call, const Tier& tier, const Digest& digest) noexcept;
    /// Copies what a local tier has, verified, into a shared one. False: that did not take it, or nothing has it.
    bool share(Call& call, const Tier& tier, const Digest& digest);

    /// Reads all of it. `read` is told of each piece.
    static bool matches(Blob& blob, const Digest& digest, const Call& call,
                        const std::function<void(std::size_t)>& read = {});
    const std::vector<Tier>& tiers() const noexcept { return _tiers; }
    const Tier& main() const noexcept { return _tiers[_main]; }
    bool hasShared() const noexcept { return _main + 1 < _tiers.size(); }
    void scrubbed(const Tier& tier, bool good) noexcept; ///< one content; `tier` is of tiers()
    void scrubbedAll(const Tier& tier) noexcept;
    /// An error of a tier that no request fails for, also from whoever uses its SharedStore: counted, and told twice a
    /// minute.
    void failed(const Tier& tier, const Call& call, const char* what, const std::exception& error) noexcept;
    std::vector<Use> uses() const;

private:
    using Count = std::atomic<std::uint64_t>;
    struct State {
        explicit State(std::uint64_t capacity) : recent(capacity) {}
        RecentContents recent; ///< of a faster tier
        Count hits{0};
        Count misses{0};
        Count errors{0};
        Count scrubbed{0};
        Count bad{0};
        std::atomic<std::int64_t> lastScrub{0}; ///< seconds since 1970
        std::mutex mutex;                       // the next two
        Call::Clock::time_point toldAt{};
        std::uint64_t untold = 0;
    };

    std::size_t place(const Tier& tier) const noexcept { return static_cast<std::size_t>(&tier - _tiers.data()); }
    Kind kind(std::size_t place) const noexcept;
    void takeStock(const Tier& tier);
    void drop(Call& call, std::size_t place, const std::vector<Digest>& digests);
    template <class Step>
    bool attempt(std::size_t place, const Call& call, const char* what, Step&& step) noexcept;
    bool good(Call& call, std::size_t place, Blob& blob, const Digest& digest);
    class MainIngest;
    void unwritable(const Error& error) noexcept;
    std::unique_ptr<Blob> openMain(Call& call, const Digest& digest);
    std::unique_ptr<Blob> openLocal(Call& call, std::size_t place, const Digest& digest);
    std::unique_ptr<Blob> promoted(Call& call, std::unique_ptr<Blob> blob, const Digest& digest);
    std::unique_ptr<Blob> fetched(Call& call, std::size_t place, const Digest& digest);
    void tellBad(const Call& call, std::size_t place, const Digest& digest);

    const std::vector<Tier> _tiers;
    const Stored _stored;
    std::function<void(const Digest&)> _forgetHot;
    std::size_t _main = 0;
    Leases _leases;
    const std::unique_ptr<SpareMemory> _spare;         // nullptr: none
    std::atomic<Call::Clock::rep> _unwritableUntil{0}; // the main tier
    std::atomic<bool> _full{false};                    // the same
    std::vector<std::unique_ptr<State>> _states;       // parallel to _tiers
};

} // namespace wasmproxy::host
