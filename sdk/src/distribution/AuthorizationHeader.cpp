// SPDX-License-Identifier: Apache-2.0
#include "AuthorizationHeader.h"

#include "wasmproxy/oci/Error.h"

#include <openssl/evp.h>

#include <algorithm>

namespace wasmproxy {

bool isHeaderToken(std::string_view token) {
    return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Secret basicHeader(const std::string& user, const Secret& password) {
    std::string plain;
    plain.reserve(user.size() + 1 + password.reveal().size()); // one buffer, so that wiping it wipes all
    plain.append(user).append(":").append(password.reveal());
    std::string header = "Basic ";
    const std::size_t prefix = header.size();
    header.resize(prefix + 4 * ((plain.size() + 2) / 3) + 1);
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(&header[prefix]),
                        reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
    header.resize(prefix + static_cast<std::size_t>(size));
    const Secret result{header};
    Secret::wipe(plain);
    Secret::wipe(header);
    return result;
}

Secret bearerHeader(const Secret& token, const std::string& whose) {
    if (!isHeaderToken(token.reveal()))
        throw Error(ErrorCode::CredentialRefused,
                    "the token " + whose + " is empty or holds a space, a control character or a non-ASCII one");
    std::string header;
    header.reserve(7 + token.reveal().size());
    header.append("Bearer ").append(token.reveal());
    const Secret result{header};
    Secret::wipe(header);
    return result;
}

WipedRequest::~WipedRequest() {
    for (auto& header : headers)
        if (header.name == "Authorization") Secret::wipe(header.value);
    if (!body.empty()) Secret::wipe(body);
}

void WipedRequest::authorize(const Secret& header) {
    if (!header.empty()) headers.push_back({"Authorization", std::string(header.reveal())});
}

} // namespace wasmproxy
