// SPDX-License-Identifier: Apache-2.0
#include "SecretFile.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace wasmproxy::file {

namespace {

bool same(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

FileIdentity identityOf(const struct stat& found) {
    return {found.st_dev, found.st_ino, found.st_size, found.st_mtim, found.st_ctim, found.st_mode};
}

/// A path may lead through `..data` into a folder that is replaced and removed at just that moment: then it leads
/// elsewhere at once. `attempt` returns -1 and sets errno.
template <class Attempt>
int whileReplaced(Attempt attempt) {
    constexpr int Attempts = 4;
    for (int i = 1;; ++i) {
        const int result = attempt();
        if (result >= 0 || errno != ENOENT || i == Attempts) return result;
    }
}

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

struct WipedBuffer {
    std::string bytes;
    ~WipedBuffer() { Secret::wipe(bytes); }
};

} // namespace

bool FileIdentity::operator==(const FileIdentity& other) const noexcept {
    return device == other.device && inode == other.inode && size == other.size && mode == other.mode &&
           same(modified, other.modified) && same(changed, other.changed);
}

bool FileIdentity::settled() const noexcept {
    // The kernel's time stamps move in steps (of 4 ms here, of up to 2 s on some file systems). ctime cannot be set by
    // hand; one in the future means that the clock was put back, and then the file is simply read each time.
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - changed.tv_sec > 2;
}

void SecretFile::fail(const std::string& message, const std::string& hint) const {
    throw Error(ErrorCode::CredentialSourceFault, _key + ": " + message, hint);
}

void SecretFile::failErrno(int number) const {
    std::string hint = "check the path that `" + _key + "` names";
    if (number == EACCES)
        hint = "make it readable for the user the proxy runs as (uid " + std::to_string(::geteuid()) + ")";
    if (number == ENOENT) hint = "create it, or correct `" + _key + "`";
    fail("cannot read " + _path + ": " + std::generic_category().message(number), hint);
}

FileIdentity SecretFile::identity() const {
    struct stat found {};
    if (whileReplaced([&] { return ::stat(_path.c_str(), &found); }) != 0) failErrno(errno);
    return identityOf(found);
}

Secret SecretFile::read(FileIdentity& identity) const {
    // O_NONBLOCK: opening a FIFO must not hang; without effect on a regular file.
    const Descriptor file{
        whileReplaced([&] { return ::open(_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); })};
    if (file.number < 0) failErrno(errno);
    struct stat found {};
    if (::fstat(file.number, &found) != 0) failErrno(errno);
    if (!S_ISREG(found.st_mode)) fail(_path + " is not a regular file", "name the file itself in `" + _key + "`");
    const std::string limit = std::to_string(MaxBytes >> 20) + " MiB";
    if (found.st_size > static_cast<off_t>(MaxBytes)) fail(_path + " is larger than " + limit, "is it the right file?");
    // Taken before the first byte: what is written while we read changes it, and the next call reads again.
    identity = identityOf(found);

    WipedBuffer content{std::string(static_cast<std::size_t>(found.st_size) + 1, '\0')};
    std::size_t size = 0;
    while (size < content.bytes.size()) {
        const ssize_t got = ::read(file.number, content.bytes.data() + size, content.bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) failErrno(errno);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size != static_cast<std::size_t>(found.st_size)) fail(_path + " changed while it was read", "try again");
    return Secret(std::string_view(content.bytes).substr(0, size));
}

} // namespace wasmproxy::file
