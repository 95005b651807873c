// SPDX-License-Identifier: Apache-2.0
#include "DockerHelpers.h"

#include "HelperProcess.h"
#include "HelperProgram.h"
#include "wasmproxy/credentials/DockerConfig.h"
#include "wasmproxy/credentials/HelperAnswer.h"

namespace wasmproxy::file {

std::optional<Credential> DockerHelpers::find(Call& call, const std::string& name, const std::string& path,
                                              const Repository& repository) {
    if (!isHelperName(name))
        throw Error(ErrorCode::CredentialSourceFault,
                    path + ": the credential helper for " + repository.host() + " has a name that is none",
                    "expected letters, digits, '.', '_' and '-': \"ecr-login\" is docker-credential-ecr-login");
    const std::string server = helperServer(repository.host());
    const std::string key = name + " " + server;
    if (auto known = _memory.find(key)) return *known;
    return _runs.get(call, key, [&] {
        if (auto known = _memory.find(key)) return *known;
        const auto asked = std::chrono::steady_clock::now();
        auto found = run(call, name, path, server);
        _memory.put(key, found, asked + Memory);
        return found;
    });
}

std::optional<Credential> DockerHelpers::run(Call& call, const std::string& name, const std::string& path,
                                             const std::string& server) const {
    const std::string program = "docker-credential-" + name;
    const std::string what = program + " (named by " + path + ") for " + server;
    const HelperResult result =
        runHelper(call, {findProgram(_directories, program, "helper-path"), {"get"}, _environment, server}, Limit);
    if (!result.succeeded()) {
        if (result.status == 1 && saysNotFound(result.output.reveal())) return std::nullopt;
        const std::string message = helperMessage(result.output.reveal());
        throw Error(ErrorCode::CredentialSourceFault,
                    what + " failed: " + (message.empty() ? "" : "\"" + message + "\", ") + result.ending(),
                    "run it by hand as the proxy's user, with the environment that helper-environment gives: echo " +
                        server + " | " + program + " get");
    }
    auto credential = parseHelperAnswer(result.output.reveal(), what);
    if (credential) credential->name = server + " from " + program + " in " + path;
    return credential;
}

} // namespace wasmproxy::file
