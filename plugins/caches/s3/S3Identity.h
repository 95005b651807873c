// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "S3Address.h"
#include "wasmproxy/aws/HeldCredentials.h"

namespace wasmproxy::s3 {

/// Whose requests they are: the key of the settings, else what the process is at AWS.
aws::HeldCredentials::Find identityOf(HostServices& host, const S3Settings& settings, const S3Address& address,
                                      const aws::Environment& environment);

} // namespace wasmproxy::s3
