// SPDX-License-Identifier: Apache-2.0
#include "S3Client.h"

#include "S3Identity.h"
#include "wasmproxy/aws/AwsAnswer.h"
#include "wasmproxy/oci/Digest.h"

#include <algorithm>
#include <vector>

namespace wasmproxy::s3 {
namespace {

constexpr std::uint64_t Piece = 8u << 20;
constexpr std::size_t AnswerLimit = 64 * 1024;
constexpr std::size_t ListLimit = 4u << 20;       ///< of 1000 objects, whose names may be 1024 bytes
constexpr std::uint64_t SlowestUpload = 1u << 20; ///< bytes in a second
constexpr std::chrono::seconds Blameworthy{1};    ///< who took so long has failed, whatever our deadline was

std::string sha256Of(std::string_view bytes) {
    return std::string(Digest::of(bytes).hex());
}

std::uint64_t numberOf(std::string_view text) {
    const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (text.empty() || text.size() > 18 || !digits)
        throw S3Fault(S3Fault::Blame::Store, "the store's answer has no usable Content-Range or Content-Length");
    return std::stoull(std::string(text));
}

/// The total of "bytes 0-99/1234", which must begin at `offset`.
std::uint64_t totalOf(std::string_view range, std::uint64_t offset) {
    const std::string begin = "bytes " + std::to_string(offset) + "-";
    const auto slash = range.find('/');
    if (range.substr(0, begin.size()) != begin || slash == std::string_view::npos)
        throw S3Fault(S3Fault::Blame::Store, "the store answered with another range than was asked for");
    return numberOf(range.substr(slash + 1));
}

} // namespace

S3Client::S3Client(HostServices& host, const S3Settings& settings, const aws::Environment& environment)
    : _host(host),
      _address(settings, environment),
      _maxSize(settings.maxSize.get()),
      _spoolDirectory(settings.spoolDirectory),
      _timeout(settings.timeout),
      _authorities(settings.caFile),
      _credentials(host, identityOf(host, settings, _address, environment)),
      _breaker([&host, name = _address.shown()](bool good, const std::string& line) {
          host.log(good ? LogLevel::Information : LogLevel::Warning, name + ": " + line);
      }) {}

template <class Step>
auto S3Client::guarded(Call& call, const std::string& doing, Step step) {
    call.check(("before " + doing).c_str());
    const auto admission = _breaker.admit();
    if (admission == Breaker::Admission::Refused)
        throw Error(ErrorCode::StorageFault, _address.shown() + " is left alone for a while: " + _breaker.reason());
    const auto begin = Call::Clock::now();
    try {
        auto result = step();
        _breaker.succeeded(admission);
        return result;
    } catch (const Error& error) {
        const auto* fault = dynamic_cast<const S3Fault*>(&error);
        const bool ownEnd = call.cancelled() || (call.expired() && Call::Clock::now() - begin < Blameworthy);
        if (ownEnd || (fault && fault->blame() != S3Fault::Blame::Store))
            _breaker.undecided(admission);
        else
            _breaker.failed(admission, error.what());
        throw Error(call.expired() ? ErrorCode::DeadlineExceeded : ErrorCode::StorageFault,
                    _address.shown() + ": " + (fault ? "" : doing + ": ") + error.what(), error.hint());
    } catch (...) {
        _breaker.undecided(admission);
        throw;
    }
}

HttpRequest S3Client::requestOf(const char* method, const std::string& key) const {
    HttpRequest request;
    request.method = method;
    request.url = _address.urlOf(key);
    return request;
}

S3Client::Answer S3Client::ask(Call& call, HttpRequest& request, const std::string& sha256) {
    request.tls = _authorities.get();
    request.headers.push_back({"x-amz-content-sha256", sha256});
    auto credentials = _credentials.get(call);
    for (bool again = true;; again = false) {
        request.signature = AwsSignature{_address.region(), "s3", credentials->accessKeyId,
                                         credentials->secretAccessKey, credentials->sessionToken};
        auto response = _host.http().send(call, request);
        const int status = response->status();
        if (status / 100 == 2) return {status, std::move(response)};
        const auto body = response->readAll(AnswerLimit, "answer of the store");
        const auto code = aws::refusalOf(body).type;
        if (status == 404 && code != "NoSuchBucket") return {status, nullptr};
        if (status == 416) return {status, nullptr};
        if (again && isAboutCredentials(code))
            if (auto other = _credentials.insteadOf(call, *credentials)) {
                credentials = std::move(other);
                continue;
            }
        throw faultOf(*response, body, request.method + " of " + request.url.substr(0, request.url.find('?')), _address,
                      *credentials, _host);
    }
}

std::optional<std::uint64_t> S3Client::fetchPiece(Call& call, const std::string& key, Spool& spool) {
    Call part = call.within(_timeout);
    const auto offset = spool.size();
    auto request = requestOf("GET", key);
    const auto last = offset + Piece - 1;
    request.headers = {{"Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(last)}};
    const auto answer = ask(part, request, sha256Of(""));
    if (answer.status == 416 && offset == 0) return 0; // there is no byte to begin with
    if (!answer.response) return {};
    if (answer.status != 206 && offset > 0)
        throw S3Fault(S3Fault::Blame::Store, "the store answered with the whole content instead of a range");
    const auto total = answer.status == 206 ? totalOf(answer.response->header("Content-Range"), offset)
                                            : numberOf(answer.response->header("Content-Length"));
    if (total > _maxSize) return total;
    const auto end = answer.status == 206 ? std::min(total, offset + Piece) : total;
    std::vector<char> buffer(64 * 1024);
    while (const auto count = answer.response->read(buffer.data(), buffer.size())) {
        if (count > end - spool.size()) throw S3Fault(S3Fault::Blame::Store, "the store sent more than it said");
        try {
            spool.append(buffer.data(), count);
        } catch (const Error& error) {
            throw S3Fault(S3Fault::Blame::Machine, error.what(), error.hint());
        }
    }
    if (spool.size() != end) throw S3Fault(S3Fault::Blame::Store, "the store sent less than it said");
    return total;
}

std::unique_ptr<Spool> S3Client::fetch(Call& call, const std::string& key) {
    auto spool = std::make_unique<Spool>(_spoolDirectory, _maxSize);
    while (true) {
        const auto total = guarded(call, "reading " + key, [&] { return fetchPiece(call, key, *spool); });
        if (!total) return nullptr;
        if (*total > _maxSize) {
            _host.log(LogLevel::Warning, _address.shown() + ": " + key + " is larger than max-size; treated as absent");
            return nullptr;
        }
        if (spool->size() >= *total) return spool;
    }
}

std::optional<std::string> S3Client::fetchText(Call& call, const std::string& key, std::size_t limit) {
    return guarded(call, "reading " + key, [&]() -> std::optional<std::string> {
        Call part = call.within(_timeout);
        auto request = requestOf("GET", key);
        const auto answer = ask(part, request, sha256Of(""));
        if (!answer.response) return {};
        return answer.response->readAll(limit, "record");
    });
}

void S3Client::store(Call& call, const std::string& key, const Spool& content, const std::string& sha256) {
    guarded(call, "writing " + key, [&] {
        Call part = call.within(_timeout + std::chrono::seconds(content.size() / SlowestUpload));
        auto request = requestOf("PUT", key);
        request.headers = {{"Content-Type", "application/octet-stream"}};
        if (content.size() > 0) request.upload = HttpUpload{content.descriptor(), content.size()};
        const auto answer = ask(part, request, sha256);
        if (!answer.response) throw S3Fault(S3Fault::Blame::Request, "PUT of an object was answered 404");
        answer.response->readAll(AnswerLimit, "answer of the store");
        return true;
    });
}

void S3Client::storeText(Call& call, const std::string& key, const std::string& text) {
    guarded(call, "writing " + key, [&] {
        Call part = call.within(_timeout);
        auto request = requestOf("PUT", key);
        request.headers = {{"Content-Type", "text/plain"}};
        request.body = text;
        const auto answer = ask(part, request, sha256Of(text));
        if (!answer.response) throw S3Fault(S3Fault::Blame::Request, "PUT of an object was answered 404");
        answer.response->readAll(AnswerLimit, "answer of the store");
        return true;
    });
}

bool S3Client::exists(Call& call, const std::string& key) {
    return guarded(call, "looking for " + key, [&] {
        Call part = call.within(_timeout);
        auto request = requestOf("HEAD", key);
        return ask(part, request, sha256Of("")).response != nullptr;
    });
}

void S3Client::remove(Call& call, const std::string& key) {
    guarded(call, "removing " + key, [&] {
        Call part = call.within(_timeout);
        auto request = requestOf("DELETE", key);
        const auto answer = ask(part, request, sha256Of(""));
        if (answer.response) answer.response->readAll(AnswerLimit, "answer of the store");
        return true;
    });
}

ObjectList S3Client::list(Call& call, const std::string& key, const std::string& continuation) {
    return guarded(call, "listing " + key, [&] {
        Call part = call.within(_timeout);
        HttpRequest request;
        request.url = _address.listUrl(key, continuation);
        const auto answer = ask(part, request, sha256Of(""));
        if (!answer.response) throw S3Fault(S3Fault::Blame::Request, "the list of objects was answered 404");
        return ObjectList::parse(answer.response->readAll(ListLimit, "list of objects"));
    });
}

} // namespace wasmproxy::s3
