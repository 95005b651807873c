// SPDX-License-Identifier: Apache-2.0
#include "Budget.h"

#include "wasmproxy/oci/Error.h"

#include <string>

namespace wasmproxy::memory {

void Budget::take(std::uint64_t bytes) {
    auto used = _used.load();
    do {
        if (bytes > _limit || used > _limit - bytes)
            throw Error(ErrorCode::StorageFault,
                        "the cache in memory is full: it holds " + std::to_string(used) + " of max-bytes = " +
                            std::to_string(_limit) + " and was to take " + std::to_string(bytes) + " more",
                        "raise max-bytes, or lower capacity so that eviction begins earlier");
    } while (!_used.compare_exchange_weak(used, used + bytes));
}

} // namespace wasmproxy::memory
