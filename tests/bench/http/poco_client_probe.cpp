// SPDX-License-Identifier: Apache-2.0
// The same misbehaving servers, asked with Poco's client and with ours; one line per case. Both have one second: Poco's
// session as its timeout, ours as the deadline of the Call.
#include "net/CurlTransport.h"
#include "support/Certificate.h"
#include "support/ScriptedServer.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/URI.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using wasmproxy::Call;
using wasmproxy::Error;
using wasmproxy::HttpRequest;
using wasmproxy::host::CurlTransport;
using wasmproxy::host::TransportSettings;
using wasmproxy::test::Certificate;
using wasmproxy::test::ScriptedServer;
using Connection = ScriptedServer::Connection;

constexpr auto Limit = 1s;
constexpr auto Offered = 6s; ///< for how long a dripping server goes on

/// Where `server`'s answers end up; "N bytes, no error" is what a caller takes for a whole body.
struct Outcome {
    std::string text;
    std::string location;
};

class Asker {
public:
    virtual ~Asker() = default;
    virtual std::string name() const = 0;
    virtual Outcome ask(const std::string& url) = 0;
};

class PocoAsker : public Asker {
public:
    explicit PocoAsker(const std::string& caFile)
        : _tls(new Poco::Net::Context(Poco::Net::Context::TLS_CLIENT_USE, caFile)) {}
    std::string name() const override { return "Poco"; }

    Outcome ask(const std::string& url) override {
        Outcome outcome;
        try {
            const Poco::URI uri(url);
            const auto session = open(uri);
            session->setTimeout(Poco::Timespan(std::chrono::seconds(Limit).count(), 0));
            Poco::Net::HTTPRequest request("GET", uri.getPathAndQuery(), "HTTP/1.1");
            Poco::Net::HTTPResponse response;
            session->sendRequest(request);
            std::istream& body = session->receiveResponse(response);
            outcome.location = response.get("Location", "");
            std::size_t size = 0;
            while (body.get() != std::char_traits<char>::eof())
                ++size;
            outcome.text = std::to_string(response.getStatus()) + " and " + std::to_string(size) + " bytes, ";
            outcome.text += body.bad() ? "badbit" : "no error";
            if (session->networkException() != nullptr) outcome.text += ", but networkException() is set";
        } catch (const Poco::Exception& error) {
            outcome.text = "throws " + error.displayText();
        }
        return outcome;
    }

private:
    std::unique_ptr<Poco::Net::HTTPClientSession> open(const Poco::URI& uri) {
        if (uri.getScheme() == "https")
            return std::make_unique<Poco::Net::HTTPSClientSession>(uri.getHost(), uri.getPort(), _tls);
        return std::make_unique<Poco::Net::HTTPClientSession>(uri.getHost(), uri.getPort());
    }

    Poco::Net::Context::Ptr _tls;
};

class OurAsker : public Asker {
public:
    explicit OurAsker(const std::string& caFile) : _transport(settingsOf(caFile)) {}
    std::string name() const override { return "ours"; }

    Outcome ask(const std::string& url) override {
        Outcome outcome;
        try {
            Call call("probe", Call::Clock::now() + Limit);
            HttpRequest request;
            request.url = url;
            const auto response = _transport.send(call, request);
            outcome.location = response->header("Location");
            const auto body = response->readAll(1 << 20, "the body");
            outcome.text =
                std::to_string(response->status()) + " and " + std::to_string(body.size()) + " bytes, no error";
        } catch (const Error& error) {
            outcome.text = std::string("throws ") + error.what();
        }
        return outcome;
    }

private:
    static TransportSettings settingsOf(const std::string& caFile) {
        TransportSettings settings;
        settings.caFile = caFile;
        settings.trustedHosts = {"127.0.0.1"};
        settings.instance = "probe";
        return settings;
    }

    CurlTransport _transport;
};

class Probe {
public:
    explicit Probe(const std::string& caFile, const Certificate& certificate)
        : _certificate(certificate), _poco(caFile), _ours(caFile) {}

    /// What `script` sends comes back as a whole body, an error, or not within the time.
    void body(const std::string& name, const ScriptedServer::Script& script, bool tls = false) {
        const ScriptedServer server(script, tls ? &_certificate : nullptr);
        line(name, [&](Asker& asker) { return asker.ask(server.url("/")).text; });
    }
    void answer(const std::string& name, const std::string& bytes, bool tls = false, bool abrupt = false) {
        body(
            name,
            [&](Connection& connection) {
                connection.readRequest();
                connection.send(bytes);
                if (abrupt) connection.closeAbruptly();
            },
            tls);
    }
    /// `start`, then `piece` every 100 ms for six seconds.
    void drip(const std::string& name, const std::string& start, const std::string& piece) {
        body(name, [&](Connection& connection) {
            connection.readRequest();
            connection.send(start);
            const auto end = Call::Clock::now() + Offered;
            while (Call::Clock::now() < end && connection.send(piece) && connection.sleep(100ms)) {
            }
        });
    }
    /// A redirect whose Location holds an encoded CR LF, followed as it is handed out.
    void injectionByServer() {
        line("Location with an RFC 2047 word", [&](Asker& asker) {
            bool decoded = false;
            const auto followed = injected(asker, [&](const std::string& next) {
                const ScriptedServer first(ScriptedServer::always("HTTP/1.1 302 Found\r\nLocation: =?us-ascii?Q?" +
                                                                  next + "=3Fa=20HTTP/1.1=0D=0AX-Injected:=201=0D=0A" +
                                                                  "X-Rest:?=\r\nContent-Length: 0\r\n\r\n"));
                const auto location = asker.ask(first.url("/")).location;
                decoded = location.find("\r\n") != std::string::npos;
                return location;
            });
            return (decoded ? "decoded, with CR LF; followed: " : "as it was sent; followed: ") + followed;
        });
    }
    void injectionByCaller() {
        line("URL with CR LF in the query", [&](Asker& asker) {
            return injected(asker,
                            [](const std::string& url) { return url + "?a HTTP/1.1\r\nX-Injected: 1\r\nX-Rest:"; });
        });
    }

private:
    /// Asks a server for what `urlOf` makes of its URL, and looks at the head that the server then reads.
    template <class UrlOf>
    static std::string injected(Asker& asker, UrlOf urlOf) {
        std::string head;
        std::string text;
        {
            ScriptedServer server([&](Connection& connection) {
                head = connection.readRequest();
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            });
            text = asker.ask(urlOf(server.url("/x"))).text;
        } // joins its threads: `head` is settled
        return head.find("\r\nX-Injected: 1\r\n") == std::string::npos ? text : "the server reads a header X-Injected";
    }

    template <class Ask>
    void line(const std::string& name, Ask ask) {
        std::cout << name << ':';
        for (Asker* asker : std::initializer_list<Asker*>{&_poco, &_ours}) {
            const auto start = Call::Clock::now();
            std::string text = ask(*asker);
            const std::chrono::duration<double> took = Call::Clock::now() - start;
            char seconds[32];
            std::snprintf(seconds, sizeof(seconds), " (%.1f s)", took.count());
            std::cout << (asker == &_poco ? " " : " / ") << asker->name() << ": " << text << seconds;
        }
        std::cout << std::endl;
    }

    const Certificate& _certificate;
    PocoAsker _poco;
    OurAsker _ours;
};

void probeAll(Probe& probe) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string sized = ok + "Content-Length: 100\r\n\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    probe.answer("whole body, for comparison", ok + "Content-Length: 5\r\n\r\nhello");
    probe.answer("5 of 100 bytes", sized + "hello");
    probe.answer("chunk cut after 5 of 100 bytes", chunked + "64\r\nhello");
    probe.answer("last chunk missing", chunked + "5\r\nhello\r\n");
    probe.answer("chunk size is no number", chunked + "5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n");
    probe.answer("TLS, 5 of 100 bytes, then close_notify", sized + "hello", true);
    probe.answer("TLS, 5 of 100 bytes, cut without it", sized + "hello", true, true);
    probe.answer("TLS, no length, cut without close_notify", ok + "Connection: close\r\n\r\nhello", true, true);
    probe.injectionByServer();
    probe.injectionByCaller();
    probe.drip("body drips, 1 byte per 0.1 s", ok + "Content-Length: 100\r\n\r\n", "x");
    probe.drip("head drips, 1 byte per 0.1 s", ok + "X-Long: ", "x");
    probe.drip("header lines without a colon", ok, "abc\r\n");
    probe.drip("100 Continue without end", "", "HTTP/1.1 100 Continue\r\n\r\n");
}

} // namespace

int main() {
    std::signal(SIGPIPE, SIG_IGN);
    const Certificate certificate({"127.0.0.1"});
    std::string caFile = (std::filesystem::temp_directory_path() / "poco-client-probe.XXXXXX").string();
    const int file = ::mkstemp(caFile.data());
    if (file < 0) return 1;
    ::close(file);
    std::ofstream(caFile) << certificate.pem();
    int status = 0;
    try {
        Probe probe(caFile, certificate);
        probeAll(probe);
    } catch (const std::exception& error) {
        std::cerr << "poco_client_probe: " << error.what() << '\n';
        status = 1;
    }
    std::remove(caFile.c_str());
    return status;
}
