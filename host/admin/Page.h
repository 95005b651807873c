// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <cstddef>
#include <string>

namespace wasmproxy::host {

/// Which part of a long list is asked for: `?limit=` (1 to 1000, 100 if not given) and `?after=`, the `next` of the
/// page before. A cursor names the last key of its page and not a place in the list, so what comes and goes meanwhile
/// shifts nothing: no item is seen twice, and none is left out that was there all the time.
class Page {
public:
    static constexpr std::size_t DefaultLimit = 100;
    static constexpr std::size_t MaxLimit = 1000;

    /// Throws RequestRefusal{400} for another limit and for what is no cursor of ours.
    explicit Page(const AdminRequest& request);

    std::size_t limit() const noexcept { return _limit; }
    const std::string& after() const noexcept { return _after; } ///< the last key that was seen; empty: none
    static std::string cursor(const std::string& key);

    /// Writes a page of `rows`, which are sorted by `keyOf(row)`, into `body`: "items", each made by `describe(row)`,
    /// and "next" where there are more. Keys are texts, not empty and not repeated.
    template <class Rows, class KeyOf, class Describe>
    void write(Poco::JSON::Object& body, const Rows& rows, KeyOf keyOf, Describe describe) const;

private:
    std::size_t _limit = DefaultLimit;
    std::string _after;
};

template <class Rows, class KeyOf, class Describe>
void Page::write(Poco::JSON::Object& body, const Rows& rows, KeyOf keyOf, Describe describe) const {
    Poco::JSON::Array items;
    std::string last;
    bool more = false;
    for (const auto& row : rows) {
        const std::string key = keyOf(row);
        if (!_after.empty() && key <= _after) continue;
        if (items.size() == _limit) {
            more = true;
            break;
        }
        items.add(describe(row));
        last = key;
    }
    body.set("items", items);
    if (more) body.set("next", cursor(last));
}

} // namespace wasmproxy::host
