// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/AnswerPlan.h"
#include "dataplane/AnswerSender.h"
#include "dataplane/EventLoop.h"
#include "dataplane/RequestGate.h"
#include "dataplane/RequestTarget.h"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

namespace wasmproxy::host {

/// One client's connection: reads a request, asks the ModuleService, sends the answer, one request at a time. Lives on
/// its loop's thread; owned by the loop, and by its operation in progress.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    /// Takes over `socket`, unless it throws.
    Connection(EventLoop& loop, int socket, const CallerAddress& address);

    void start();
    /// The ModuleService's answer to request number `request`; ignored where that is no longer waited for.
    void answered(std::uint64_t request, ModuleResult result) noexcept;
    void sweep(EventLoop::Clock::time_point now);
    void beginDrain();
    /// Counts what the client has taken of a large body; false: none is on its way.
    bool lookAtBody(EventLoop::Clock::time_point now);
    /// Begins the answer that waits for its turn, unless `full`, or gives it up. True: it still waits; it may also have
    /// been parked anew.
    bool staysParked(EventLoop::Clock::time_point now, bool& full);
    void close() noexcept;

    const CallerAddress& address() const noexcept { return _address; }
    std::size_t slot = 0; ///< the loop's

private:
    // No executor type erasure: measured at a tenth of the CPU per small answer.
    using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, EventLoop::Executor>;
    enum class Phase { Reading, Waiting, Sending, Lingering, Closed };

    void read();
    void onRead(const boost::system::error_code& ec, std::size_t size);
    void process();
    void serve();
    bool serveKnown(std::string_view bytes);
    void begin();
    void sendModule(ServedModule module);
    void sendError(const Error& error);
    void refuse(int status, const char* message); ///< what is wrong with the HTTP itself; closes after the answer
    void remember(const AnswerPlan& plan, const ServedModule& module);
    void sendPlan(const AnswerPlan& plan, std::shared_ptr<Blob> content);
    std::string& statusLine(int status);
    void progressed(AnswerSender::Progress progress);
    void finishAnswer(bool complete) noexcept;
    bool admitBody(std::uint64_t length);
    void endBody() noexcept;
    void linger();
    std::uint64_t takenByClient();
    std::string described() const; ///< what was asked for, for the log
    void refused(const Error& error, int status) const;
    void logRefusal(const char* code, int status, const std::string& cause, const std::string& hint) const;

    /// A large body on its way: until the client has it, which is later than when the socket has it.
    struct Body {
        std::uint64_t rest = 0; ///< 0: there is none
        std::uint64_t arrived = 0;
        bool aside = false; ///< the client is slow for itself
        EventLoop::Clock::time_point since;
    };

    EventLoop& _loop;
    Socket _socket;
    const CallerAddress _address;
    const std::string _caller; ///< the same in words
    std::string_view _asked;   ///< the request's head, byte for byte, while it is being answered at once
    boost::beast::flat_buffer _buffer{RequestGate::Limit};
    RequestGate _gate;
    RequestHead _head;
    RequestTarget _target;
    AnswerSender _sender;
    Body _body;
    std::unique_ptr<ServedModule> _parked; ///< waits for its turn; not null only while Waiting
    std::string _requestId;
    Phase _phase = Phase::Reading;
    bool _reading = false;     ///< an async_read_some is under way
    bool _answering = false;   ///< counted in AnswersInProgress
    bool _allowed = false;     ///< allow-from
    bool _mustClose = false;   ///< after this answer
    bool _plainStatus = false; ///< answer as HTTP/1.0, which any client takes for HTTP
    std::uint64_t _request = 0;
    int _status = 0;
    std::size_t _lingered = 0;
    std::uint64_t _takenBefore = 0;      ///< when the present send-rate window began
    EventLoop::Clock::time_point _since; ///< of the phase, or of the present head's first byte, or of that window
    EventLoop::Clock::time_point _requestedAt;
};

} // namespace wasmproxy::host
