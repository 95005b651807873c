// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Agent.h"
#include "RegistryProcess.h"
#include "UpstreamFront.h"
#include "support/TokenServer.h"

#include <map>
#include <string>

namespace wasmproxy::test {

/// The private registry that modules come from: two docker-registry processes over one storage that want tokens, the
/// front where all others meet them, and a way in by which modules are pushed.
class Upstream {
public:
    static constexpr const char* User = "robot";
    static constexpr const char* Password = "right";

    Upstream();

    std::string host() const { return "127.0.0.1:" + std::to_string(front.port()); }
    std::string url() const { return "http://" + host(); }
    /// A new module of so many bytes in a repository of its own.
    WantedModule publish(const std::string& name, std::size_t bytes);
    void removeTag(const WantedModule& module);

private:
    std::pair<int, std::string> token(const std::string& target, const std::string& authorization);
    RegistryProcess::Options options() const;

    TemporaryFolder _folder;
    TokenServer _tokens;
    const int _port; ///< of the front, which the realm names
    struct Kept {
        std::string answer;
        Loop::Clock::time_point until;
    };
    std::map<std::string, Kept> _keptTokens; ///< the front's thread only
    int _published = 0;

public:
    RegistryProcess first;
    RegistryProcess second;
    RegistryProcess door; ///< for pushes
    UpstreamFront front;
};

} // namespace wasmproxy::test
