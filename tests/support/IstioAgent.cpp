// SPDX-License-Identifier: Apache-2.0
#include "support/IstioAgent.h"

#include "support/HttpClient.h"
#include "support/OciLayout.h"

#include <Poco/InflatingStream.h>
#include <Poco/StreamCopier.h>
#include <Poco/URI.h>
#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace wasmproxy::test {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

bool isModule(const std::string& bytes) {
    return bytes.size() >= 8 && bytes.compare(0, 4, std::string("\0asm", 4)) == 0;
}

std::string gunzip(const std::string& bytes) {
    std::istringstream in(bytes);
    Poco::InflatingInputStream gzip(in, Poco::InflatingStreamBuf::STREAM_GZIP);
    std::ostringstream out;
    Poco::StreamCopier::copyStream(gzip, out);
    return out.str();
}

bool mayTryAgain(int status) {
    return status >= 500 && status != 501 && status != 505 && status != 511;
}

bool isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

struct Place {
    std::string host;
    int port = 80;
    std::string target;
};

/// By hand: Poco::URI would decode and encode the path again.
Place placeOf(const std::string& url) {
    const std::string scheme = "http://";
    if (url.compare(0, scheme.size(), scheme) != 0) throw std::invalid_argument("not an http URL: " + url);
    const auto slash = std::min(url.find('/', scheme.size()), url.size());
    Place place;
    place.host = url.substr(scheme.size(), slash - scheme.size());
    place.target = slash < url.size() ? url.substr(slash) : "/";
    if (const auto colon = place.host.find(':'); colon != std::string::npos) {
        place.port = std::stoi(place.host.substr(colon + 1));
        place.host.resize(colon);
    }
    return place;
}

/// http.Client.Do and reading the body, under one timeout; follows up to ten redirects.
HttpAnswer goGet(std::string url, std::chrono::milliseconds timeout) {
    const auto end = Clock::now() + timeout;
    HttpAnswer answer;
    for (int hops = 0; hops <= 10; ++hops) {
        const Place place = placeOf(url);
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        answer = HttpClient(place.host, place.port)
                     .get(place.target, {{"User-Agent", "Go-http-client/1.1"}, {"Accept-Encoding", "gzip"}}, left);
        const std::string location = answer.header("Location");
        if (!isRedirect(answer.status) || location.empty()) break;
        url = Poco::URI(Poco::URI(url), location).toString();
    }
    if (answer.status != 0 && !answer.cut && answer.header("Content-Encoding") == "gzip") {
        try {
            answer.body = gunzip(answer.body);
        } catch (const std::exception& error) {
            answer.cut = true;
            answer.error = error.what();
        }
    }
    return answer;
}

} // namespace

std::string unbox(std::string bytes) {
    while (!isModule(bytes)) {
        if (bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b') {
            try {
                bytes = gunzip(bytes);
            } catch (const std::exception&) {
                return bytes;
            }
        } else if (bytes.size() >= 512 && bytes.compare(257, 5, "ustar") == 0) {
            const std::string octal = bytes.substr(124, 11);
            if (octal.find_first_not_of("01234567 ") != std::string::npos) return bytes;
            bytes = bytes.substr(512, std::stoul("0" + octal, nullptr, 8));
        } else {
            return bytes;
        }
    }
    return bytes;
}

bool IstioAgent::download(const std::string& url, Result& result, std::string& body) {
    const auto start = Clock::now();
    const auto end = start + _timing.total;
    double backOff = std::chrono::duration<double>(_timing.initialBackOff).count();
    for (int attempts = 0; attempts < _timing.attempts; ++attempts) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        Attempt attempt;
        attempt.startedAfter = secondsSince(start);
        HttpAnswer answer;
        if (left.count() > 0)
            answer = goGet(url, std::min(left, _timing.attempt));
        else
            answer.error = "context deadline exceeded";
        attempt.status = answer.status;
        attempt.error = answer.error;
        attempt.seconds = answer.seconds;
        result.attempts.push_back(attempt);
        result.error =
            answer.status != 0 && answer.error.empty() ? "status " + std::to_string(answer.status) : answer.error;
        if (answer.status == 0) {
            if (Clock::now() >= end) return false;
        } else if (answer.status == 200) {
            body = std::move(answer.body);
            return !answer.cut; // an error while reading it is final
        } else if (!mayTryAgain(answer.status)) {
            return false;
        }
        std::uniform_real_distribution<double> jitter(0.5, 1.5);
        std::this_thread::sleep_for(
            std::chrono::duration<double>(backOff * jitter(_random))); // as it does, past its end
        backOff = std::min(backOff * 1.5, 60.0);
    }
    return false;
}

IstioAgent::Result IstioAgent::fetch(const std::string& url, const std::string& sha256) {
    const auto start = Clock::now();
    Result result;
    std::string body;
    if (download(url, result, body)) {
        result.module = unbox(std::move(body));
        const std::string found = sha256Hex(result.module);
        result.outcome = Outcome::Loaded;
        result.error.clear();
        if (!sha256.empty() && found != sha256) {
            result.outcome = Outcome::ChecksumMismatched;
            result.error = "the module's sha256 is " + found;
        } else if (!isModule(result.module)) {
            result.outcome = Outcome::Invalid;
            result.error = "what came is no module";
        }
    }
    result.seconds = secondsSince(start);
    return result;
}

std::string IstioAgent::Result::summary() const {
    std::ostringstream out;
    out << (loaded() ? "loaded" : "failed: " + error) << " after " << seconds << " s;";
    for (const auto& attempt : attempts) {
        out << " [" << attempt.status << " at " << attempt.startedAfter << " s, " << attempt.seconds << " s"
            << (attempt.error.empty() ? "" : ", ") << attempt.error << "]";
    }
    return out.str();
}

} // namespace wasmproxy::test
