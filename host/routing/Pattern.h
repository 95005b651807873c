// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Repository.h"

#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::host {

/// An anchored glob over `host/path`: `*` matches inside one component, a component `**` matches any number of them
/// (at least one where it ends the pattern). Nothing else is special, `.` is a dot. Immutable value; matching takes
/// time linear in the product of the two lengths, which are bounded by 255.
class Pattern {
public:
    /// Throws Error{SettingsInvalid} that says what is wrong and shows a right one.
    explicit Pattern(std::string_view text);

    bool matches(const Repository& repository) const;
    /// The host, where it has no `*`: a host that the operator wrote.
    const std::string& literalHost() const noexcept { return _literalHost; }
    const std::string& host() const noexcept { return _components.front(); } ///< may hold `*`
    const std::string& str() const noexcept { return _text; }

    /// Which of two patterns is asked first: compared component by component, a literal before one with `*` before
    /// `**`.
    static bool moreSpecific(const Pattern& a, const Pattern& b);

private:
    std::string _text;
    std::vector<std::string> _components;
    std::string _literalHost;
};

} // namespace wasmproxy::host
