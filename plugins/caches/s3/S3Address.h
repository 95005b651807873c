// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "S3Settings.h"
#include "wasmproxy/aws/CredentialChain.h"

#include <string>

namespace wasmproxy::s3 {

/// Where a bucket is and what it calls things. Value type.
class S3Address {
public:
    /// Throws Error{SettingsInvalid} where nobody says which region.
    S3Address(const S3Settings& settings, const aws::Environment& environment);

    const std::string& region() const noexcept { return _region; }
    const std::string& bucket() const noexcept { return _bucket; }
    const std::string& prefix() const noexcept { return _prefix; }
    bool isAws() const noexcept { return _aws; }
    std::string shown() const { return "S3 bucket " + _bucket + " at " + _host; } ///< for messages

    /// `key` follows the prefix, and needs no escaping.
    std::string urlOf(const std::string& key) const { return _base + "/" + _prefix + key; }
    /// A page of what is below that key; `continuation` as the page before said, "" for the first.
    std::string listUrl(const std::string& key, const std::string& continuation) const;

private:
    std::string _region;
    std::string _bucket;
    std::string _prefix;
    bool _aws;
    std::string _host;
    std::string _base; ///< of the bucket, without '/' at its end
};

} // namespace wasmproxy::s3
