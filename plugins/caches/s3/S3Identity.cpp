// SPDX-License-Identifier: Apache-2.0
#include "S3Identity.h"

#include "wasmproxy/aws/Region.h"
#include "wasmproxy/aws/SmallFile.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::s3 {
namespace {

aws::AwsCredentials keyOf(const std::string& id, const std::string& path) {
    const auto content = aws::readSmallFile(path, "secret-access-key-file");
    if (!content) throw Error(ErrorCode::CredentialSourceFault, "secret-access-key-file " + path + " is missing");
    std::string_view text = content->reveal();
    const auto last = text.find_last_not_of(" \t\r\n");
    text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    if (text.empty()) throw Error(ErrorCode::CredentialSourceFault, "secret-access-key-file " + path + " is empty");
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
        throw Error(ErrorCode::CredentialSourceFault,
                    "secret-access-key-file " + path + " holds white space or what is not ASCII, as no key does");
    return {id, Secret(text), Secret(), path};
}

} // namespace

aws::HeldCredentials::Find identityOf(HostServices& host, const S3Settings& settings, const S3Address& address,
                                      const aws::Environment& environment) {
    if (!settings.accessKeyId.get().empty())
        return [id = settings.accessKeyId.get(), path = settings.secretAccessKeyFile.get()](Call&) {
            return keyOf(id, path);
        };
    auto chain =
        std::make_shared<aws::CredentialChain>(host,
                                               aws::CredentialPlaces{settings.accessKeyFile, settings.profile,
                                                                     settings.stsEndpoint, settings.metadataEndpoint},
                                               environment);
    const auto sts = "sts." + address.region() + "." + aws::domainOf(address.region());
    return [chain = std::move(chain), sts](Call& call) {
        if (auto found = chain->find(call, sts)) return std::move(*found);
        throw Error(ErrorCode::CredentialSourceFault, "this process has no AWS identity",
                    "set access-key-id and secret-access-key-file, or access-key-file; or give it a role: neither "
                    "environment, web identity, shared files, container nor instance has one");
    };
}

} // namespace wasmproxy::s3
