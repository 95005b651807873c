// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace wasmproxy {

/// Base of every seam. A released seam never changes; it grows by abilities, asked for by id ("registry-health/1").
class Component {
public:
    virtual ~Component() = default;
    /// The interface of that id, owned by the component and valid as long as it; nullptr: it has none.
    virtual void* ability(const char* id) noexcept {
        static_cast<void>(id);
        return nullptr;
    }

protected:
    Component() = default;
    Component(const Component&) = delete;
    Component& operator=(const Component&) = delete;
};

} // namespace wasmproxy
