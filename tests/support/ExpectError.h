// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

#include <cppunit/TestAssert.h>

#include <string>

namespace wasmproxy::test {

/// Runs `action`, which must throw an Error of `code` whose text contains `words`. `name` says which row of a table.
template <class Action>
void expectError(const std::string& name, ErrorCode code, const std::string& words, Action action) {
    try {
        action();
    } catch (const Error& e) {
        const std::string text = std::string(e.what()) + " / " + e.hint();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(name + ": " + text, static_cast<int>(code), static_cast<int>(e.code()));
        CPPUNIT_ASSERT_MESSAGE(name + ": expected '" + words + "' in: " + text, text.find(words) != std::string::npos);
        return;
    }
    CPPUNIT_FAIL(name + ": no error was thrown");
}

} // namespace wasmproxy::test
