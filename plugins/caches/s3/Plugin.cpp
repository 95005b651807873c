// SPDX-License-Identifier: Apache-2.0
#include "S3Store.h"

#include "wasmproxy/plugin/Plugin.h"

namespace wasmproxy::s3 {

class S3StoreFactory : public BasicFactory<CacheStore, S3Store, S3Settings> {
public:
    const char* name() const noexcept override { return "s3"; }
    std::vector<std::string> trustedHosts() const override {
        return aws::CredentialChain::hosts(aws::processEnvironment);
    }
};

} // namespace wasmproxy::s3

WASMPROXY_PLUGIN("s3", "0.1.0", wasmproxy::s3::S3StoreFactory)
