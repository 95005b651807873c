// SPDX-License-Identifier: Apache-2.0
#include "FileCredentialSource.h"

#include "HelperProgram.h"

namespace wasmproxy::file {

namespace {

SecretFile fileOf(const FileSettings& settings) {
    if (settings.dockerConfig.given()) return {settings.dockerConfig.get(), "docker-config"};
    if (settings.providerConfig.given()) return {settings.providerConfig.get(), "credential-provider-config"};
    return {settings.passwordFile.get(), "password-file"};
}

std::string_view withoutLineEnd(std::string_view text) {
    if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    return text;
}

} // namespace

FileCredentialSource::FileCredentialSource(HostServices& host, std::unique_ptr<FileSettings> settings)
    : _host(host),
      _settings(std::move(settings)),
      _file(fileOf(*_settings)),
      _helpers(_settings->helperPath.get(),
               helperEnvironment(_settings->helperPath.get(), _settings->helperEnvironment.get())),
      _providers(_settings->providerDirectory.get(),
                 helperEnvironment(_settings->helperPath.get(), _settings->helperEnvironment.get()),
                 _settings->providerCacheLimit.get()) {}

std::vector<Credential> FileCredentialSource::find(Call& call, const CredentialQuery& query) {
    if (!query.secretName.empty()) return {};
    const auto content = current();
    if (!content->providers.empty()) return _providers.find(call, content->providers, query.repository);
    for (const std::string& name : content->docker.helpersOf(query.repository))
        if (auto credential = _helpers.find(call, name, _file.path(), query.repository))
            return {std::move(*credential)};
    return matchingCredentials(content->docker.auths.entries, query.repository);
}

std::shared_ptr<const FileCredentialSource::Content> FileCredentialSource::current() {
    const std::lock_guard<std::mutex> guard(_mutex);
    refresh();
    return _content;
}

void FileCredentialSource::refresh() {
    FileIdentity now;
    try {
        now = _file.identity();
        if (_content && _seenSettled && now == _seen) return;
        const Secret content = _file.read(now);
        _seen = now;
        _seenSettled = now.settled();
        const auto fresh = std::make_shared<const Content>(parse(content.reveal()));
        _content = fresh;
        std::vector<std::string> lines = fresh->docker.auths.warnings;
        if (now.readableByOthers() && fresh->providers.empty())
            lines.push_back(
                _file.path() +
                " is readable by every user; chmod o-r it, or give its Secret volume a defaultMode of 0440");
        report(now, lines);
    } catch (const Error& error) {
        if (!_content) throw;
        const std::string hint = error.hint().empty() ? "" : " (" + error.hint() + ")";
        report(now, {std::string(error.what()) + hint + "; the credentials read before stay in force"});
    }
}

FileCredentialSource::Content FileCredentialSource::parse(std::string_view content) const {
    Content result;
    if (_settings->providerConfig.given()) {
        try {
            result.providers = parseProviderConfig(content, _file.path());
        } catch (const Error& error) {
            throw Error(ErrorCode::CredentialSourceFault, "credential-provider-config: " + std::string(error.what()),
                        error.hint().empty() ? "expected a CredentialProviderConfig of kubelet.config.k8s.io/v1"
                                             : error.hint());
        }
        return result;
    }
    if (!_settings->dockerConfig.given()) {
        result.docker.auths.entries.push_back(parseEntry(content));
        return result;
    }
    try {
        result.docker = readDockerConfig(content, _file.path());
    } catch (const Error& error) {
        throw Error(ErrorCode::CredentialSourceFault, "docker-config: " + std::string(error.what()),
                    error.hint().empty() ? "expected a docker config.json: {\"auths\": {\"host\": {\"auth\": …}}}"
                                         : error.hint());
    }
    return result;
}

CredentialEntry FileCredentialSource::parseEntry(std::string_view content) const {
    const std::string_view password = withoutLineEnd(content);
    if (password.empty())
        throw Error(ErrorCode::CredentialSourceFault, "password-file: " + _file.path() + " is empty",
                    "write the password into it");
    const bool token = _settings->username.get() == "<token>";
    return {*RegistryPattern::parse(_settings->registry.get()),
            {token ? Credential::Kind::IdentityToken : Credential::Kind::Basic,
             _settings->registry.get() + " in " + _file.path(), _settings->username.get(), Secret(password)}};
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
