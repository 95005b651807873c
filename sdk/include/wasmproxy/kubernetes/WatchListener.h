// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

namespace wasmproxy::kubernetes {

/// Who is told what a Watch sees. Called on the Watch's thread, by one call at a time.
///
/// A list begins, gives all objects there are and ends; only then is what it did not give gone. A list that breaks off
/// is followed by another beginning. Between lists come changes.
class WatchListener {
public:
    virtual void listBegins() = 0;
    virtual void listed(const StrictJson& object) = 0;
    virtual void listEnds() = 0;
    virtual void changed(const StrictJson& object) = 0; ///< new, or other than it was
    virtual void deleted(const StrictJson& object) = 0; ///< as it was last
    /// An attempt failed (an ApiError, where the API server answered). What is known stays in force.
    virtual void failed(const Error& error) = 0;

protected:
    ~WatchListener() = default;
};

} // namespace wasmproxy::kubernetes
