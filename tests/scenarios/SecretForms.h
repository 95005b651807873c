// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::test {

/// A secret that must not be found in anything that the proxy puts out, and the forms in which it would be: plain,
/// base64 and base64url at each of the three places where it may begin in a longer text, percent-encoded, hexadecimal,
/// and escaped as in JSON. Its core, letters and digits that every text encoding leaves as they are, counts as well.
class SecretForms {
public:
    struct Form {
        std::string name;
        std::string text;
    };

    /// `value` holds `core`, and characters that the encodings change.
    SecretForms(std::string name, std::string value, const std::string& core);

    const std::string& name() const noexcept { return _name; }
    const std::string& value() const noexcept { return _value; }
    const std::vector<Form>& forms() const noexcept { return _forms; }
    /// Where and how it is in there, with what is around it; empty: nowhere.
    std::string foundIn(std::string_view text) const;

private:
    std::string _name;
    std::string _value;
    std::vector<Form> _forms;
};

} // namespace wasmproxy::test
