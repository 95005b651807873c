// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/aws/SmallFile.h"

#include "wasmproxy/oci/Error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wasmproxy::aws {
namespace {

constexpr std::size_t Limit = 1u << 20;

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

[[noreturn]] void fail(const std::string& what, const std::string& path, const std::string& why) {
    throw Error(ErrorCode::CredentialSourceFault, what + " " + path + ": " + why);
}

} // namespace

std::optional<Secret> readSmallFile(const std::string& path, const std::string& what) {
    // Not to wait for the other end of a FIFO.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.number < 0 && (errno == ENOENT || errno == ENOTDIR)) return {};
    if (file.number < 0) fail(what, path, std::strerror(errno));
    struct stat status {};
    if (::fstat(file.number, &status) != 0) fail(what, path, std::strerror(errno));
    if (!S_ISREG(status.st_mode)) fail(what, path, "is not a regular file");
    std::string text(Limit + 1, '\0'); // never grows, so that wiping it wipes all
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t count = ::read(file.number, &text[size], text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            const int number = errno;
            Secret::wipe(text);
            fail(what, path, std::strerror(number));
        }
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    const bool large = size > Limit;
    Secret result(std::string_view(text).substr(0, size));
    Secret::wipe(text);
    if (large) fail(what, path, "is larger than 1 MiB");
    return result;
}

} // namespace wasmproxy::aws
