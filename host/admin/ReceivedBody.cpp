// SPDX-License-Identifier: Apache-2.0
#include "admin/ReceivedBody.h"

#include "admin/RequestRules.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/DirectoryIterator.h>
#include <Poco/Exception.h>
#include <Poco/Path.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace wasmproxy::host {

namespace {

constexpr const char* Prefix = "admin-upload-";
constexpr std::size_t Piece = 64 * 1024;

Error storage(const std::string& what) {
    return {ErrorCode::StorageFault, what + ": " + std::strerror(errno), "see the space and the rights there"};
}

std::size_t readPiece(std::istream& from, char* buffer, std::uint64_t left) {
    const auto wanted = static_cast<std::streamsize>(std::min<std::uint64_t>(left, Piece));
    from.read(buffer, wanted);
    if (from.gcount() != wanted) throw RequestRefusal{400, "the body ended before its Content-Length"};
    return static_cast<std::size_t>(wanted);
}

} // namespace

void ReceivedBody::remove() noexcept {
    if (!_file.empty()) ::unlink(_file.c_str());
    _file.clear();
}

std::string ReceivedBody::read(std::istream& from, std::uint64_t length) {
    std::string body; // grows with what came, not with what was claimed
    std::vector<char> piece(Piece);
    while (body.size() < length)
        body.append(piece.data(), readPiece(from, piece.data(), length - body.size()));
    return body;
}

const std::string& ReceivedBody::readToFile(std::istream& from, std::uint64_t length, const std::string& directory) {
    std::string path = (directory.empty() ? Poco::Path::temp() : directory + "/") + Prefix + "XXXXXX";
    const int file = ::mkostemp(path.data(), O_CLOEXEC);
    if (file < 0) throw storage("no file for the body can be made: " + path);
    _file = path;
    const struct Closed {
        int file;
        ~Closed() { ::close(file); }
    } closed{file};
    std::vector<char> piece(Piece);
    for (std::uint64_t done = 0; done < length;) {
        const std::size_t size = readPiece(from, piece.data(), length - done);
        for (std::size_t written = 0; written < size;) {
            const ssize_t count = ::write(file, piece.data() + written, size - written);
            if (count < 0) throw storage("the body cannot be written to " + path);
            written += static_cast<std::size_t>(count);
        }
        done += size;
    }
    return _file;
}

void ReceivedBody::removeLeftovers(const std::string& directory) {
    if (directory.empty()) return; // the system's is cleared by the system, and others use it
    try {
        for (Poco::DirectoryIterator each(directory), end; each != end; ++each)
            if (each.name().compare(0, std::strlen(Prefix), Prefix) == 0) ::unlink(each.path().toString().c_str());
    } catch (const Poco::Exception&) {
        // Whoever needs the directory says so.
    }
}

} // namespace wasmproxy::host
