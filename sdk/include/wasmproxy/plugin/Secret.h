// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace wasmproxy {

/// A value that must not be seen. Prints as `<redacted>`, compares in constant time, zeroes its memory on release.
/// Value type. The bytes are reached only through `reveal()`, so a use is easy to find by grep.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view value);
    ~Secret();
    Secret(const Secret& other);
    Secret(Secret&& other) noexcept;
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;

    bool empty() const noexcept { return _value.empty(); }
    /// Valid until this Secret is changed or destroyed. Copy only into buffers that are wiped (see wipe()).
    std::string_view reveal() const noexcept { return _value; }
    /// Zeroes a string that held a secret and empties it; the compiler cannot drop it.
    static void wipe(std::string& text) noexcept;

    friend bool operator==(const Secret& a, const Secret& b) noexcept;
    friend bool operator!=(const Secret& a, const Secret& b) noexcept { return !(a == b); }
    friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "<redacted>"; }

private:
    std::string _value;
};

/// A string that holds a secret for as long as somebody needs it who takes nothing else.
struct WipedText {
    std::string text;
    ~WipedText() { Secret::wipe(text); }
};

} // namespace wasmproxy
