// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ProviderAnswer.h"
#include "ProviderConfig.h"
#include "SharedRun.h"
#include "ShortMemory.h"

#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::file {

/// Runs a kubelet's credential provider plugins. Thread-safe.
class CredentialProviders {
public:
    static constexpr std::chrono::milliseconds Limit{60000};

    /// `longest`: no answer is kept for longer, whatever it says.
    CredentialProviders(std::string directory, std::vector<std::string> environment, std::chrono::milliseconds longest)
        : _directory(std::move(directory)), _environment(std::move(environment)), _longest(longest) {}

    /// What all of `providers` that know the repository have for it, best first. Throws Error{CredentialSourceFault}.
    std::vector<Credential> find(Call& call, const std::vector<CredentialProvider>& providers,
                                 const Repository& repository);

private:
    using Answer = std::shared_ptr<const ProviderAnswer>;
    struct Outcome {
        std::string image; ///< that was asked for
        Answer answer;
    };

    Answer ask(Call& call, const CredentialProvider& provider, const Repository& repository);
    Answer known(const std::string& base, const Repository& repository);
    Answer run(Call& call, const CredentialProvider& provider, const Repository& repository) const;

    const std::string _directory;
    const std::vector<std::string> _environment;
    const std::chrono::milliseconds _longest;
    ShortMemory<Answer> _memory;
    SharedRun<Outcome> _runs;
};

} // namespace wasmproxy::file
