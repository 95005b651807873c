// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/RequestTarget.h"
#include "pull/ModuleService.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace wasmproxy::host {

/// A request's head, byte for byte, and what was sent for it last: nothing in it had to be interpreted for this client
/// alone, and the same bytes mean the same question.
struct KnownRequest {
    std::string bytes;
    Surface surface = Surface::Other;
    std::string headers;         ///< of the answer, all that follow X-Request-Id, with the empty line
    std::string body;            ///< where it is small, else empty
    std::weak_ptr<Blob> content; ///< no lease: what is evicted meanwhile is gone for this as well
    std::uint64_t length = 0;    ///< of the body
    std::shared_ptr<const AnswerTerms> terms;
};

/// What one loop was asked last and answered from memory. Bounded; a newer one takes the place of an older one. One
/// thread.
class KnownRequests {
public:
    static constexpr std::size_t LongestHead = 2048;
    static constexpr std::size_t MostBodyBytes = 4 * 1024 * 1024; ///< of all bodies; beyond it they are read each time

    /// nullptr: not known. Valid until the next remember().
    const KnownRequest* find(std::string_view head) const noexcept;
    void remember(KnownRequest request);
    void forgetBefore(std::chrono::system_clock::time_point time) noexcept; ///< those that are past use

private:
    static constexpr std::size_t Places = 256;

    void clear(std::unique_ptr<KnownRequest>& place) noexcept;

    std::array<std::unique_ptr<KnownRequest>, Places> _places;
    std::size_t _bodyBytes = 0;
};

} // namespace wasmproxy::host
