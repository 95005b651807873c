// SPDX-License-Identifier: Apache-2.0
#include "Refusal.h"

#include <algorithm>

namespace wasmproxy::redis {

std::string Refusal::codeOf(const Reply& reply) {
    constexpr std::size_t Longest = 20;
    const auto end = std::find_if(reply.text.begin(), reply.text.end(),
                                  [](char c) { return !((c >= 'A' && c <= 'Z') || c == '_'); });
    const std::string code(reply.text.begin(), end);
    return code.empty() || code.size() > Longest ? "ERR" : code;
}

std::string Refusal::textOf(const Reply& reply) {
    constexpr std::size_t Longest = 160;
    // "ERR unknown command 'SET', with args beginning with: …", and "ERR unknown command `SET`, with args …"
    std::string text = reply.text.substr(0, std::min({Longest, reply.text.find(", with args"), reply.text.size()}));
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    return text;
}

std::string Refusal::hintOf(const Reply& reply) {
    const std::string code = codeOf(reply);
    if (code == "NOAUTH" || code == "WRONGPASS") return "set `password-file`, and `username` for an ACL user";
    if (code == "NOPERM")
        return "the ACL user needs ~<prefix>* and +get +set +pexpire +unlink +scan +eval, and +select for a database "
               "other than 0";
    if (code == "OOM") return "give Redis more memory, or a maxmemory-policy that forgets (allkeys-lru)";
    if (code == "READONLY") return "`url` must name the primary, not a replica";
    if (code == "MOVED" || code == "ASK" || code == "CROSSSLOT" || code == "CLUSTERDOWN")
        return "Redis Cluster is not followed: name a single primary";
    if (code == "MISCONF") return "Redis cannot save to its disk and refuses writes; see its log";
    return {};
}

bool Refusal::isOutage(const Reply& reply) {
    const std::string code = codeOf(reply);
    return code == "LOADING" || code == "MASTERDOWN" || code == "CLUSTERDOWN";
}

bool Refusal::isMisled(const Reply& reply) {
    const std::string code = codeOf(reply);
    return code == "READONLY" || code == "NOAUTH";
}

} // namespace wasmproxy::redis
