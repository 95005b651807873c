// SPDX-License-Identifier: Apache-2.0
#include "dataplane/AnswerSender.h"

#include <algorithm>
#include <cerrno>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <tuple>

namespace wasmproxy::host {

AnswerSender::Progress AnswerSender::start(int socket, const Ready& ready, std::shared_ptr<Blob> content,
                                           std::uint64_t offset, std::uint64_t length) {
    _content = std::move(content);
    _offset = offset;
    _left = length;
    _sent = 0;
    Ready left = ready;
    const Progress progress = sendReady(socket, left);
    if (progress == Progress::Blocked) {
        _rest.clear();
        for (const auto part : left)
            _rest += part;
        _restAt = 0;
        return progress;
    }
    return progress == Progress::Done ? advance(socket) : progress;
}

AnswerSender::Progress AnswerSender::advance(int socket) {
    if (_restAt < _rest.size()) {
        Ready left{std::string_view(_rest).substr(_restAt)};
        const Progress progress = sendReady(socket, left);
        _restAt = _rest.size() - left[0].size();
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

/// Leaves in `ready` what was not taken.
AnswerSender::Progress AnswerSender::sendReady(int socket, Ready& ready) {
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (_left > 0 ? MSG_MORE : 0);
    while (true) {
        std::array<iovec, std::tuple_size_v<Ready>> parts{};
        msghdr message{};
        message.msg_iov = parts.data();
        for (const auto part : ready)
            if (!part.empty()) parts[message.msg_iovlen++] = {const_cast<char*>(part.data()), part.size()};
        if (message.msg_iovlen == 0) return Progress::Done;
        const ssize_t count = ::sendmsg(socket, &message, flags);
        if (count < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN || errno == EWOULDBLOCK ? Progress::Blocked : Progress::Failed;
        }
        auto taken = static_cast<std::size_t>(count);
        _sent += taken;
        for (auto& part : ready) {
            const auto here = std::min(taken, part.size());
            part.remove_prefix(here);
            taken -= here;
        }
    }
}

void AnswerSender::release() noexcept {
    _content.reset();
    _left = 0;
    _restAt = 0;
    std::string().swap(_rest);
}

} // namespace wasmproxy::host
