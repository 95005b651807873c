// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

namespace wasmproxy {

/// What a CredentialSource throws where the Secret that was named is not its own: it does not exist there, or may not
/// be read. The next source is asked; where none has it, this is what the operator is told.
class SecretUnknown : public Error {
public:
    SecretUnknown(const std::string& message, std::string hint)
        : Error(ErrorCode::CredentialSourceFault, message, std::move(hint)) {}
};

} // namespace wasmproxy
