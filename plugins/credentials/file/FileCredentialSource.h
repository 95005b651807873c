// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialProviders.h"
#include "DockerHelpers.h"
#include "FileSettings.h"
#include "SecretFile.h"
#include "wasmproxy/credentials/DockerConfig.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/HostServices.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::file {

/// Credentials from one file, or from the programs that it names. Each find() looks whether it has changed. Once it has
/// been read well, a file that is broken or gone leaves the last good content in force and is reported once per change.
/// Thread-safe; programs run on the thread that asks, with no lock held.
///
/// Files know no Kubernetes Secrets: a query by secretName finds nothing.
class FileCredentialSource : public CredentialSource {
public:
    FileCredentialSource(HostServices& host, std::unique_ptr<FileSettings> settings);

    std::vector<Credential> find(Call& call, const CredentialQuery& query) override;

private:
    /// What a good reading gave; one of both is empty.
    struct Content {
        DockerConfig docker; ///< or the one entry
        std::vector<CredentialProvider> providers;
    };

    std::shared_ptr<const Content> current();
    void refresh();
    Content parse(std::string_view content) const;
    CredentialEntry parseEntry(std::string_view content) const;
    void report(const FileIdentity& identity, const std::vector<std::string>& lines);

    HostServices& _host;
    const std::unique_ptr<FileSettings> _settings;
    const SecretFile _file;
    DockerHelpers _helpers;
    CredentialProviders _providers;

    std::mutex _mutex;
    std::shared_ptr<const Content> _content; ///< nullptr: never read well
    FileIdentity _seen;                      ///< what was read last, whether it could be parsed or not
    bool _seenSettled = false; ///< it was old enough by then for every later change to show in its identity
    FileIdentity _reported;
    std::vector<std::string> _lines;
};

} // namespace wasmproxy::file
