// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/DistributionSettings.h"

namespace wasmproxy::gcr {

class GcrSettings : public DistributionSettings {
public:
    static constexpr const char* TokenService = "https://oauth2.googleapis.com/token";
    static constexpr const char* MetadataServer = "http://metadata.google.internal.";

    Setting<bool> ownIdentity{
        this, "own-identity", true,
        "Where a route names no credentials: pull with this machine's Google identity, that is "
        "service-account-key-file, else the file that GOOGLE_APPLICATION_CREDENTIALS names, else the metadata server."};
    Setting<std::string> serviceAccountKeyFile{
        this, "service-account-key-file", "",
        "JSON key of the service account to pull with. Read again when a token is needed, so it may be replaced."};
    Setting<std::string> tokenEndpoint{
        this, "token-endpoint", TokenService,
        "Where a service account's signed assertion is exchanged for an access token; the assertion's audience too."};
    Setting<std::string> metadataEndpoint{
        this, "metadata-endpoint", MetadataServer,
        "Google's metadata server. GCE_METADATA_HOST in the environment comes before the default."};
    Setting<std::string> stsEndpoint{
        this, "sts-endpoint", "",
        "Workload identity federation: where a subject token is exchanged, instead of the credential file's token_url, "
        "which must be of googleapis.com."};
    Setting<std::string> apiEndpoint{this, "api-endpoint", "",
                                     "Where a service account is impersonated, http(s)://host[:port], instead of "
                                     "https://iamcredentials.googleapis.com."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::gcr
