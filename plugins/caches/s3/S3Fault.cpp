// SPDX-License-Identifier: Apache-2.0
#include "S3Fault.h"

#include "wasmproxy/aws/AwsAnswer.h"
#include "wasmproxy/aws/Region.h"

#include <algorithm>

namespace wasmproxy::s3 {
namespace {

bool isOneOf(const std::string& text, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

/// Where the bucket is, by an answer that sends us away; "" where it does not say.
std::string regionOf(const HttpResponse& response, const std::string& body) {
    for (const auto& said : {response.header("x-amz-bucket-region"), aws::elementOf(body, "Region")})
        if (aws::isRegion(said)) return said;
    return {};
}

std::string permissions(const S3Address& address) {
    const std::string name = "arn:aws:s3:::" + address.bucket();
    return "allow the identity s3:ListBucket on " + name + ", and s3:GetObject, s3:PutObject and s3:DeleteObject on " +
           name + "/" + address.prefix() + "*";
}

std::string hintOf(const HttpResponse& response, const std::string& body, const std::string& code,
                   const S3Address& address, const HostServices& host) {
    const auto region = regionOf(response, body);
    const int status = response.status();
    if (!region.empty() && region != address.region()) return "the bucket is in " + region + ": set region = " + region;
    if (status / 100 == 3) return "set `region` and `endpoint` to where the bucket is";
    if (code == "NoSuchBucket") return "create the bucket, or correct `bucket` or `endpoint`";
    if (isOneOf(code, {"NotImplemented", "InvalidURI", "MethodNotAllowed"}))
        return "is this a store that speaks S3? See `endpoint` and `addressing`";
    // A HEAD has no words.
    if (status == 403 && code.empty()) return permissions(address);
    return aws::hintFor(code, aws::skewOf(response, host), permissions(address));
}

} // namespace

bool isAboutCredentials(const std::string& code) {
    return isOneOf(code, {"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId",
                          "InvalidClientTokenId", "SignatureDoesNotMatch"});
}

S3Fault faultOf(const HttpResponse& response, const std::string& body, const std::string& request,
                const S3Address& address, const aws::AwsCredentials& credentials, const HostServices& host) {
    const int status = response.status();
    const auto refusal = aws::refusalOf(body);
    std::string text = request + " was answered " + std::to_string(status);
    if (!refusal.type.empty()) text += " " + refusal.type;
    // What is said of signatures repeats what was signed.
    if (!refusal.message.empty() && !aws::isAboutSignature(refusal.type) &&
        refusal.message.find("anonical") == std::string::npos)
        text += ": " + aws::shownText(refusal.message,
                                      {credentials.secretAccessKey.reveal(), credentials.sessionToken.reveal()});
    if (status == 400 || status == 401 || status == 403)
        text += " (access key " + aws::shownText(credentials.accessKeyId, {}) + " of " + credentials.origin + ")";
    const bool now = status >= 500 || status == 429 || status == 408 ||
                     isOneOf(refusal.type, {"SlowDown", "RequestTimeout", "ServiceUnavailable"});
    return S3Fault(now ? S3Fault::Blame::Store : S3Fault::Blame::Request, text,
                   hintOf(response, body, refusal.type, address, host));
}

} // namespace wasmproxy::s3
