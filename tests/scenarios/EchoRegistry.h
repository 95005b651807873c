// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/OciLayout.h"
#include "support/ScriptedServer.h"
#include "support/TemporaryFolder.h"

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// A registry that says what it was shown, in every place where it may say something: a repository's last component is
/// the way in which it does. It takes any credential, and says it plainly and as it came. Its storage is reached with
/// signed URLs. Thread-safe.
class EchoRegistry {
public:
    EchoRegistry(std::string bearerToken, std::string signature);

    /// What a client may ask for, in an order in which one does not hide the next: served, refused, broken, and last
    /// the one after which a registry is not shown that credential again.
    static const std::vector<std::string>& ways();
    static bool served(const std::string& way) { return way == "ok" || way == "signed" || way == "bearer-ok"; }

    std::string host() const { return "127.0.0.1:" + std::to_string(_registry.port()); }
    int port() const noexcept { return _registry.port(); }
    /// Was this credential (a Basic one's decoded text, or a part of it) shown for that repository?
    bool shown(const std::string& repository, const std::string& credential) const;
    /// The digests (hex) of content that it made of what it was shown.
    std::set<std::string> echoes() const;
    int signedRequests() const; ///< that came to the storage with the signature

private:
    std::string answer(const std::string& request);
    std::string token(const std::string& target, const std::string& said);
    std::string manifest(const std::string& repository, const std::string& way, const std::string& said, bool head);
    std::string blob(const std::string& repository, const std::string& way, const std::string& said,
                     const std::string& digest, bool head);
    std::string storage(const std::string& request);
    const WrittenManifest& contentOf(const std::string& repository, const std::string& said);

    const std::string _bearer;
    const std::string _signature;
    TemporaryFolder _folder;
    mutable std::mutex _mutex;
    std::map<std::string, WrittenManifest> _contents;
    std::set<std::pair<std::string, std::string>> _shown;
    int _signed = 0;
    ScriptedServer _storage; // the servers last: their scripts use what is above
    ScriptedServer _registry;
};

} // namespace wasmproxy::test
