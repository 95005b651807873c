// SPDX-License-Identifier: Apache-2.0
#include "FileCredentialSource.h"

#include "wasmproxy/credentials/DockerConfig.h"

namespace wasmproxy::file {

namespace {

SecretFile fileOf(const FileSettings& settings) {
    if (settings.dockerConfig.given()) return {settings.dockerConfig.get(), "docker-config"};
    return {settings.passwordFile.get(), "password-file"};
}

std::string_view withoutLineEnd(std::string_view text) {
    if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    return text;
}

} // namespace

FileCredentialSource::FileCredentialSource(HostServices& host, std::unique_ptr<FileSettings> settings)
    : _host(host), _settings(std::move(settings)), _file(fileOf(*_settings)) {}

std::vector<Credential> FileCredentialSource::find(Call&, const CredentialQuery& query) {
    if (!query.secretName.empty()) return {};
    const std::lock_guard<std::mutex> guard(_mutex);
    refresh();
    return matchingCredentials(_entries, query.repository);
}

void FileCredentialSource::refresh() {
    FileIdentity now;
    try {
        now = _file.identity();
        if (_loaded && _seenSettled && now == _seen) return;
        const Secret content = _file.read(now);
        _seen = now;
        _seenSettled = now.settled();
        CredentialEntries fresh = parse(content.reveal());
        _entries = std::move(fresh.entries);
        _loaded = true;
        if (now.readableByOthers()) fresh.warnings.push_back(_file.path() + " is readable by every user; chmod o-r it");
        report(now, fresh.warnings);
    } catch (const Error& error) {
        if (!_loaded) throw;
        const std::string hint = error.hint().empty() ? "" : " (" + error.hint() + ")";
        report(now, {std::string(error.what()) + hint + "; the credentials read before stay in force"});
    }
}

CredentialEntries FileCredentialSource::parse(std::string_view content) const {
    if (_settings->dockerConfig.given()) {
        try {
            return parseDockerConfig(content, _file.path());
        } catch (const Error& error) {
            throw Error(ErrorCode::CredentialSourceFault, "docker-config: " + std::string(error.what()),
                        error.hint().empty() ? "expected a docker config.json: {\"auths\": {\"host\": {\"auth\": …}}}"
                                             : error.hint());
        }
    }
    const std::string_view password = withoutLineEnd(content);
    if (password.empty())
        throw Error(ErrorCode::CredentialSourceFault, "password-file: " + _file.path() + " is empty",
                    "write the password into it");
    const bool token = _settings->username.get() == "<token>";
    CredentialEntries result;
    result.entries.push_back(
        {*RegistryPattern::parse(_settings->registry.get()),
         {token ? Credential::Kind::IdentityToken : Credential::Kind::Basic,
          _settings->registry.get() + " in " + _file.path(), _settings->username.get(), Secret(password)}});
    return result;
}

void FileCredentialSource::report(const FileIdentity& identity, const std::vector<std::string>& lines) {
    // A young file is read more than once; that is no news.
    if (identity == _reported && lines == _lines) return;
    _reported = identity;
    _lines = lines;
    for (const std::string& line : lines)
        _host.log(LogLevel::Warning, line);
}

} // namespace wasmproxy::file
