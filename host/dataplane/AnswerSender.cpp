// SPDX-License-Identifier: Apache-2.0
#include "dataplane/AnswerSender.h"

#include <algorithm>
#include <cerrno>
#include <sys/sendfile.h>
#include <sys/socket.h>

namespace wasmproxy::host {

AnswerSender::Progress AnswerSender::start(int socket, std::string_view ready, std::shared_ptr<Blob> content,
                                           std::uint64_t offset, std::uint64_t length) {
    _content = std::move(content);
    _offset = offset;
    _left = length;
    _sent = 0;
    std::size_t taken = 0;
    const Progress progress = sendReady(socket, ready, taken);
    if (progress == Progress::Blocked) {
        _rest.assign(ready.substr(taken));
        _restAt = 0;
        return progress;
    }
    return progress == Progress::Done ? advance(socket) : progress;
}

AnswerSender::Progress AnswerSender::advance(int socket) {
    if (_restAt < _rest.size()) {
        std::size_t taken = 0;
        const Progress progress = sendReady(socket, std::string_view(_rest).substr(_restAt), taken);
        _restAt += taken;
        if (progress != Progress::Done) return progress;
    }
    for (std::uint64_t quantum = Quantum; _left > 0 && quantum > 0;) {
        off_t offset = static_cast<off_t>(_offset);
        const ssize_t count = ::sendfile(socket, _content->descriptor(), &offset, std::min(_left, quantum));
        if (count < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? Progress::Blocked : Progress::Failed;
        }
        if (count == 0) return Progress::Failed;
        const auto bytes = static_cast<std::uint64_t>(count);
        _offset += bytes;
        _left -= bytes;
        _sent += bytes;
        quantum -= bytes;
    }
    return _left == 0 ? Progress::Done : Progress::Yield;
}

AnswerSender::Progress AnswerSender::sendReady(int socket, std::string_view ready, std::size_t& taken) {
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (_left > 0 ? MSG_MORE : 0);
    while (taken < ready.size()) {
        const ssize_t count = ::send(socket, ready.data() + taken, ready.size() - taken, flags);
        if (count < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN || errno == EWOULDBLOCK ? Progress::Blocked : Progress::Failed;
        }
        taken += static_cast<std::size_t>(count);
        _sent += static_cast<std::uint64_t>(count);
    }
    return Progress::Done;
}

void AnswerSender::release() noexcept {
    _content.reset();
    _left = 0;
    _restAt = 0;
    std::string().swap(_rest);
}

} // namespace wasmproxy::host
