// SPDX-License-Identifier: Apache-2.0
#include "FileText.h"

#include "wasmproxy/kubernetes/WipedBuffer.h"
#include "wasmproxy/oci/Error.h"

#include <cerrno>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace wasmproxy::kubernetes {
namespace {

constexpr std::size_t Limit = 1u << 20;

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

} // namespace

Secret readFileText(const std::string& path, const std::string& what, ErrorCode code) {
    const auto fail = [&](const std::string& why) { throw Error(code, what + " " + path + ": " + why); };
    const auto failErrno = [&](int number) { fail(std::generic_category().message(number)); };
    // Not to wait for the other end of a FIFO.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.number < 0) failErrno(errno);
    struct stat status {};
    if (::fstat(file.number, &status) != 0) failErrno(errno);
    if (!S_ISREG(status.st_mode)) fail("is not a regular file");
    WipedBuffer text;
    char piece[4096];
    while (true) {
        const ssize_t count = ::read(file.number, piece, sizeof(piece));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) failErrno(errno);
        if (count == 0) break;
        text.append({piece, static_cast<std::size_t>(count)});
        OPENSSL_cleanse(piece, sizeof(piece));
        if (text.size() > Limit) fail("is larger than 1 MiB");
    }
    return Secret(text.view());
}

} // namespace wasmproxy::kubernetes
