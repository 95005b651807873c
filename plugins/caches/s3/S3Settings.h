// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::s3 {

class S3Settings : public Settings {
public:
    Setting<std::string> bucket{this, "bucket", "", "Name of the bucket. It must exist.", true};
    Setting<std::string> prefix{this, "prefix", "wasm-proxy/",
                                "What the names of all objects begin with, ending with `/`; empty: nothing. Proxies "
                                "that share contents have the same."};
    Setting<std::string> region{this, "region", "",
                                "Region of the bucket. Empty: AWS_REGION or AWS_DEFAULT_REGION; with `endpoint` "
                                "us-east-1, which most other stores take."};
    Setting<std::string> endpoint{this, "endpoint", "",
                                  "Where the store is instead of at AWS: host, host:port or an http(s) URL without a "
                                  "path. Any that speaks S3 will do."};
    Setting<std::string> addressing{this, "addressing", "auto",
                                    "`virtual`: the bucket is part of the host's name. `path`: of the path. `auto`: "
                                    "virtual at AWS for names without a dot, else path."};
    Setting<std::string> caFile{this, "ca-file", "",
                                "PEM file of the authorities that may have signed the endpoint's certificate. Empty: "
                                "those of the system."};
    Setting<std::string> accessKeyId{this, "access-key-id", "",
                                     "Id of the access key to use, and no other identity; its secret is in "
                                     "secret-access-key-file. Empty: access-key-file or profile, or the identity that "
                                     "this process has at AWS."};
    Setting<std::string> secretAccessKeyFile{this, "secret-access-key-file", "",
                                             "Absolute path of the file that holds the secret access key of "
                                             "access-key-id. Read again every minute, and when it was refused."};
    Setting<std::string> accessKeyFile{this, "access-key-file", "",
                                       "Absolute path of a file in the format of ~/.aws/credentials with the access "
                                       "key to use, and no other identity. Read again likewise."};
    Setting<std::string> profile{this, "profile", "",
                                 "Profile of access-key-file, or without one of the AWS credentials and config files, "
                                 "and no other identity. Empty: AWS_PROFILE or default."};
    Setting<std::string> stsEndpoint{this, "sts-endpoint", "",
                                     "Where AWS's token service (web identity) is reached instead of at the region's "
                                     "own host."};
    Setting<std::string> metadataEndpoint{this, "metadata-endpoint", "",
                                          "The same for the instance metadata service. Empty: "
                                          "http://169.254.169.254."};
    Setting<Bytes> maxSize{this, "max-size", Bytes{256u << 20},
                           "Larger contents are neither stored nor taken. At most 5GiB, which is S3's own limit."};
    Setting<std::string> spoolDirectory{this, "spool-directory", "",
                                        "Absolute path of a directory for the unnamed files that hold a content on its "
                                        "way. Empty: memory."};
    Setting<std::chrono::milliseconds> timeout{this, "timeout", std::chrono::seconds(5),
                                               "How long the store may take for one answer of at most 8 MiB. After "
                                               "three failures in a row it is left alone for 0.5 s, then ever longer, "
                                               "up to 30 s."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::s3
