// SPDX-License-Identifier: Apache-2.0
#include "pull/Known.h"

namespace wasmproxy::host {

Known knownOf(const DigestIndex& index, const PullSetup& setup, const PullTarget& target) {
    const auto& reference = target.reference;
    Known known;
    if (reference.digest()) {
        known.freshness = Freshness::Fresh;
        known.record = index.module(*reference.digest());
    } else if (const auto tag = index.tag(reference)) {
        known.freshness = target.rules().at(tag->validatedAt);
        known.validatedAt = tag->validatedAt;
        if (known.freshness != Freshness::Expired) known.record = index.module(tag->digest);
    }
    if (!known.record || !index.linked(known.record->module, reference.repository()) ||
        setup.registry.refusal(*known.record, target))
        return {};
    return known;
}

} // namespace wasmproxy::host
