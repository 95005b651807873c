// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/SecretText.h"

#include "wasmproxy/oci/Error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace wasmproxy {

namespace {

constexpr std::size_t MaximumSize = 1u << 20;

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

[[noreturn]] void cannotRead(const std::string& path, const std::string& key, const std::string& why) {
    throw Error(ErrorCode::CredentialSourceFault, key + ": cannot read " + path + ": " + why,
                "it must be a file that the user the proxy runs as (uid " + std::to_string(::geteuid()) + ") may read");
}

} // namespace

Secret readSecretFile(const std::string& path, const std::string& key) {
    const auto fail = [&](const std::string& why) { cannotRead(path, key, why); };
    const auto failErrno = [&] { fail(std::generic_category().message(errno)); };
    // O_NONBLOCK: opening a FIFO must not hang; without effect on a regular file.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (file.number < 0) failErrno();
    struct stat found {};
    if (::fstat(file.number, &found) != 0) failErrno();
    if (!S_ISREG(found.st_mode)) fail("not a regular file");
    if (found.st_size > static_cast<off_t>(MaximumSize)) fail("larger than 1 MiB");
    SecretText content{std::string(static_cast<std::size_t>(found.st_size) + 1, '\0')};
    std::size_t size = 0;
    while (size < content.text.size()) {
        const ssize_t got = ::read(file.number, content.text.data() + size, content.text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) failErrno();
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size != static_cast<std::size_t>(found.st_size)) fail("it changed while it was read");
    return Secret(std::string_view(content.text).substr(0, size));
}

Secret readTrimmedSecretFile(const std::string& path, const std::string& key) {
    const Secret content = readSecretFile(path, key);
    const std::string_view text = content.reveal();
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) cannotRead(path, key, "it is empty");
    return Secret(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

} // namespace wasmproxy
