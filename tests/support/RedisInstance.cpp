// SPDX-License-Identifier: Apache-2.0
#include "support/RedisInstance.h"

#include "support/FreePorts.h"

#include <csignal>
#include <stdexcept>

namespace wasmproxy::test {

RedisInstance::RedisInstance(const Options& options) : _port(freePort()), _tls(!options.certificate.empty()) {
    const std::string port = std::to_string(_port);
    std::string lines = "bind 127.0.0.1\ndir " + _folder.path() + "\nsave \"\"\nappendonly no\ndaemonize no\n";
    if (_tls) {
        lines += "port 0\ntls-port " + port + "\ntls-cert-file " + options.certificate + "\ntls-key-file " +
                 options.key + "\ntls-ca-cert-file " +
                 (options.clientAuthority.empty() ? options.certificate : options.clientAuthority) +
                 "\ntls-auth-clients " + (options.clientAuthority.empty() ? "no" : "yes") + "\n";
    } else {
        lines += "port " + port + "\n";
    }
    _configuration = _folder.write("redis.conf", lines + options.lines);
    start();
}

std::string RedisInstance::url(const std::string& host) const {
    return (_tls ? "rediss://" : "redis://") + host + ":" + std::to_string(_port);
}

void RedisInstance::start() {
    if (_child) return;
    Child::Options options;
    options.outputFile = _folder / "log";
    _child = std::make_unique<Child>("redis-server", std::vector<std::string>{_configuration}, options);
    if (!_child->waitForPort(_port))
        throw std::runtime_error("redis-server does not start: " + readFile(_folder / "log"));
}

void RedisInstance::kill() {
    if (_child) _child->kill();
    _child.reset();
}

void RedisInstance::pause() {
    _child->signal(SIGSTOP);
}

void RedisInstance::resume() {
    _child->signal(SIGCONT);
}

std::string RedisInstance::cli(std::vector<std::string> words, const std::vector<std::string>& login) const {
    words.insert(words.begin(), login.begin(), login.end());
    words.insert(words.begin(), {"-p", std::to_string(_port)});
    return run("redis-cli", words);
}

} // namespace wasmproxy::test
