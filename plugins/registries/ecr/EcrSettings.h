// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/DistributionSettings.h"

namespace wasmproxy::ecr {

class EcrSettings : public DistributionSettings {
public:
    Setting<std::string> identity{this, "identity", "auto",
                                  "`auto`: routes without credentials use the identity that this process has at AWS "
                                  "(access key, web identity, Pod Identity, task or instance role). `none`: never."};
    Setting<std::string> accessKeyFile{this, "access-key-file", "",
                                       "Absolute path of a file in the format of ~/.aws/credentials with the access "
                                       "key to use, and no other identity. "
                                       "Read again for each new token."};
    Setting<std::string> profile{this, "profile", "",
                                 "Profile of access-key-file, or without one of the AWS credentials and config files, "
                                 "and no other identity. Empty: AWS_PROFILE or default."};
    Setting<std::string> region{this, "region", "",
                                "Region of registries whose host does not say it, such as a name of your own for a "
                                "private endpoint; all hosts of this backend's routes then count as private ECR."};
    Setting<std::string> apiEndpoint{this, "api-endpoint", "",
                                     "Where ECR's API is reached instead of at the region's own host: host, host:port "
                                     "or an http(s) URL without a path."};
    Setting<std::string> stsEndpoint{this, "sts-endpoint", "", "The same for AWS's token service (web identity)."};
    Setting<std::string> metadataEndpoint{this, "metadata-endpoint", "",
                                          "The same for the instance metadata service. Empty: "
                                          "http://169.254.169.254."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::ecr
