// SPDX-License-Identifier: Apache-2.0
#include "Connector.h"

#include "wasmproxy/credentials/SecretText.h"

#include "Refusal.h"
#include "ServerFault.h"
#include "Socket.h"
#include "TlsChannel.h"

#include <sys/stat.h>

namespace wasmproxy::redis {

Connector::Connector(const RedisSettings& settings)
    : _settings(settings), _url(settings.address()), _resolver(_url.host, _url.port) {}

std::string Connector::stamp() const {
    std::string result;
    for (const auto* file :
         {&_settings.passwordFile, &_settings.caFile, &_settings.clientCertificate, &_settings.clientKey}) {
        struct stat found {};
        // Links are followed: the swap of a Kubernetes volume's `..data` is another inode.
        if (!file->get().empty() && ::stat(file->get().c_str(), &found) == 0)
            for (const auto number :
                 {static_cast<long long>(found.st_dev), static_cast<long long>(found.st_ino),
                  static_cast<long long>(found.st_size), static_cast<long long>(found.st_mtim.tv_sec),
                  static_cast<long long>(found.st_mtim.tv_nsec), static_cast<long long>(found.st_ctim.tv_sec),
                  static_cast<long long>(found.st_ctim.tv_nsec)})
                result += std::to_string(number) + '.';
        result += '|';
    }
    return result;
}

std::shared_ptr<const TlsTrust> Connector::tls(const std::string& current) {
    const std::lock_guard<std::mutex> guard(_mutex);
    if (!_tls || _tlsStamp != current) {
        _tls = std::make_shared<TlsTrust>(_settings.caFile, _settings.clientCertificate, _settings.clientKey);
        _tlsStamp = current;
    }
    return _tls;
}

std::unique_ptr<Connection> Connector::connect(const Call& call) {
    const Patience patience(call, _settings.connectTimeout);
    const std::string current = stamp(); // before anything is read: what changes meanwhile makes it old
    const auto context = _url.tls ? tls(current) : nullptr;
    std::unique_ptr<Channel> channel = std::make_unique<Socket>(_resolver.addresses(patience), patience);
    if (context) channel = std::make_unique<TlsChannel>(std::move(channel), context, _url.host, patience);
    auto connection = std::make_unique<Connection>(std::move(channel), current);
    login(*connection, patience);
    return connection;
}

void Connector::login(Connection& connection, const Patience& patience) const {
    if (!_settings.passwordFile.get().empty()) {
        Request request;
        try {
            const Secret password = readTrimmedSecretFile(_settings.passwordFile, "password-file");
            if (_settings.username.get().empty())
                request.add({"AUTH", password.reveal()});
            else
                request.add({"AUTH", _settings.username.get(), password.reveal()});
        } catch (const Error& error) {
            throw ServerFault(error.what(), error.hint());
        }
        const auto replies = connection.ask(request, {}, patience);
        // The rest of the text stays here: of a command that it does not know, Redis repeats the arguments.
        if (replies.front().is(Reply::Kind::Error))
            throw ServerFault("it refuses the password (" + Refusal::codeOf(replies.front()) + ")",
                              "check `username` and `password-file` against the server's users (ACL LIST)");
        if (!replies.front().is(Reply::Kind::Status)) throw ServerFault("it answers AUTH with something else");
    }
    if (_url.database == 0) return;
    const auto replies = connection.ask(Request{"SELECT", std::to_string(_url.database)}, {}, patience);
    if (replies.front().is(Reply::Kind::Error))
        throw ServerFault("it refuses database " + std::to_string(_url.database) + " (" +
                              Refusal::textOf(replies.front()) + ")",
                          Refusal::hintOf(replies.front()));
}

} // namespace wasmproxy::redis
