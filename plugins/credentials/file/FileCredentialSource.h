// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "FileSettings.h"
#include "SecretFile.h"
#include "wasmproxy/credentials/CredentialEntry.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/HostServices.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::file {

/// Credentials from one file. Each find() looks whether it has changed. Once it has been read well, a file that is
/// broken or gone leaves the last good entries in force and is reported once per change. Thread-safe.
///
/// Files know no Kubernetes Secrets: a query by secretName finds nothing.
class FileCredentialSource : public CredentialSource {
public:
    FileCredentialSource(HostServices& host, std::unique_ptr<FileSettings> settings);

    std::vector<Credential> find(Call& call, const CredentialQuery& query) override;

private:
    void refresh();
    CredentialEntries parse(std::string_view content) const;
    void report(const FileIdentity& identity, const std::vector<std::string>& lines);

    HostServices& _host;
    const std::unique_ptr<FileSettings> _settings;
    const SecretFile _file;

    std::mutex _mutex;
    bool _loaded = false;
    FileIdentity _seen;        ///< what was read last, whether it could be parsed or not
    bool _seenSettled = false; ///< it was old enough by then for every later change to show in its identity
    std::vector<CredentialEntry> _entries;
    FileIdentity _reported;
    std::vector<std::string> _lines;
};

} // namespace wasmproxy::file
