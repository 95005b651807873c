// SPDX-License-Identifier: Apache-2.0
#include "support/FreePorts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

constexpr unsigned First = 12000;
constexpr unsigned Blocks = 400;
constexpr unsigned BlockSize = 50;

bool isFree(unsigned port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0; // on all addresses
    ::close(socket);
    return bound;
}

/// A block is this process's for as long as its file is locked: until the process ends.
bool claim(unsigned block) {
    const std::string folder = std::filesystem::temp_directory_path() / "wasm-proxy-test-ports";
    if (::mkdir(folder.c_str(), 0777) == 0) ::chmod(folder.c_str(), 01777);
    const int file = ::open((folder + "/" + std::to_string(block)).c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) return false;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return true;
    ::close(file);
    return false;
}

} // namespace

int freePort() {
    static std::mutex mutex;
    static unsigned block = static_cast<unsigned>(::getpid()) % Blocks;
    static unsigned used = BlockSize;
    const std::lock_guard<std::mutex> lock(mutex);
    for (unsigned tries = 0; tries < Blocks; ++tries) {
        for (; used < BlockSize; ++used)
            if (const unsigned port = First + block * BlockSize + used; isFree(port))
                return ++used, static_cast<int>(port);
        block = (block + 1) % Blocks;
        if (claim(block)) used = 0;
    }
    throw std::runtime_error("no free port on loopback");
}

} // namespace wasmproxy::test
