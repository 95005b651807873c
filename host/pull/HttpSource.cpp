// SPDX-License-Identifier: Apache-2.0
#include "pull/HttpSource.h"

#include "pull/HotTable.h"
#include "pull/IndexWrite.h"
#include "wasm/Unbox.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include <vector>

namespace wasmproxy::host {
namespace {

constexpr int MaximumRedirects = 5;
constexpr std::size_t ChunkBytes = 64 * 1024;
constexpr std::size_t LongestValidator = 1024;

bool isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::chrono::seconds retryAfter(const HttpResponse& response) {
    const auto text = response.header("Retry-After");
    if (text.empty() || text.size() > 4 || text.find_first_not_of("0123456789") != std::string::npos)
        return std::chrono::seconds(0);
    return std::chrono::seconds(std::stol(text));
}

[[noreturn]] void refuse(const HttpResponse& response, const std::string& where) {
    const int status = response.status();
    const auto message = where + " answered " + std::to_string(status);
    if (status == 401 || status == 403)
        throw Error(ErrorCode::RepositoryDenied, message, "http(s) urls are fetched without a credential");
    if (status == 429) throw Error(ErrorCode::TooManyRequests, message).withRetryAfter(retryAfter(response));
    if (status == 408 || status >= 500)
        throw Error(ErrorCode::UpstreamUnavailable, message).withRetryAfter(retryAfter(response));
    throw Error(ErrorCode::UpstreamInvalid, message);
}

std::string bounded(std::string text) {
    return text.size() > LongestValidator ? std::string() : text;
}

} // namespace

std::optional<PulledModule> HttpSource::pull(Call& call, const PullTarget& target) {
    const auto& url = target.extension->httpUrl;
    const auto known = usable(call, target);
    const auto asked = std::chrono::system_clock::now();
    const auto transport = _transportFor(url); // as long as the response is read
    auto response = get(call, *transport, url, known);
    if (response->status() == 404 || response->status() == 410) return std::nullopt;

    std::optional<PulledModule> pulled;
    if (known && response->status() == 304) {
        pulled = cached(call, target, known->file);
        // Evicted between the question and the answer: ask as if nothing were known.
        if (!pulled) response = get(call, *transport, url, std::nullopt);
    }
    if (!pulled) {
        if (response->status() != 200) refuse(*response, HttpUrl::parse(url, "url").shown());
        const Validators now{bounded(response->header("ETag")), bounded(response->header("Last-Modified")),
                             download(call, url, *response)};
        if (const auto pinned = target.reference.digest(); pinned && *pinned != now.file)
            throw Error(ErrorCode::ModuleUnusable, HttpUrl::parse(url, "url").shown() + " has other content now, " +
                                                       now.file.str() + " instead of " + pinned->str());
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            if (_validators.size() >= MaxValidators) _validators.erase(_validators.begin());
            _validators.insert_or_assign(url, now);
        }
        pulled = cached(call, target, now.file);
        if (!pulled) {
            auto file = _cache.openTrusted(call, now.file);
            if (!file) throw Error(ErrorCode::StorageFault, "the cache lost " + now.file.str() + " right away");
            pulled.emplace();
            pulled->record = _intake.take(call, target, [&](const ModuleSink& sink) {
                auto found = unboxModule(*file, HttpUrl::parse(url, "url").shown(), sink, _intake.limits().module);
                found.layer = now.file;
                return found;
            });
            pulled->record.manifest = pulled->record.selectedManifest = now.file;
            if (const auto why = _intake.refusal(pulled->record, target)) throw *why;
            pulled->content = withDescriptor(_cache.openTrusted(call, pulled->record.module));
            pulled->fetched = true;
            writeIndex(call.requestId(), [&] { _index.recordModule(pulled->record, target.reference.repository()); });
        }
    }
    pulled->credential = "none";
    writeIndex(call.requestId(), [&] {
        if (!target.reference.digest()) _index.recordTag(target.reference, pulled->record.manifest, asked);
    });
    return pulled;
}

std::optional<HttpSource::Validators> HttpSource::usable(Call& call, const PullTarget& target) {
    std::optional<Validators> known;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto found = _validators.find(target.extension->httpUrl);
        if (found != _validators.end()) known = found->second;
    }
    if (!known || (known->etag.empty() && known->lastModified.empty())) return std::nullopt;
    const auto record = _index.module(known->file);
    if (!record || !_cache.openTrusted(call, record->module)) return std::nullopt;
    return known;
}

std::optional<PulledModule> HttpSource::cached(Call& call, const PullTarget& target, const Digest& file) {
    const auto record = _index.module(file);
    if (!record || !_index.linked(record->module, target.reference.repository())) return std::nullopt;
    if (const auto why = _intake.refusal(*record, target)) throw *why;
    auto blob = _cache.openVerified(call, record->module);
    if (!blob) return std::nullopt;
    PulledModule pulled;
    pulled.record = *record;
    pulled.content = withDescriptor(std::move(blob));
    return pulled;
}

std::unique_ptr<HttpResponse> HttpSource::get(Call& call, HttpTransport& transport, const std::string& text,
                                              const std::optional<Validators>& known) {
    auto url = HttpUrl::parse(text, "url");
    for (int hop = 0;; ++hop) {
        HttpRequest request;
        request.url = url.str();
        request.headers.push_back({"Accept", "application/wasm, */*;q=0.8"});
        if (known && !known->etag.empty()) request.headers.push_back({"If-None-Match", known->etag});
        if (known && !known->lastModified.empty())
            request.headers.push_back({"If-Modified-Since", known->lastModified});
        auto response = transport.send(call, request);
        if (!isRedirect(response->status())) return response;
        if (hop == MaximumRedirects)
            throw Error(ErrorCode::UpstreamInvalid,
                        url.shown() + " redirects more than " + std::to_string(MaximumRedirects) + " times");
        const auto next = url.resolve(response->header("Location"), "redirect of " + url.shown());
        if (url.secure() && !next.secure())
            throw Error(ErrorCode::AddressRefused,
                        url.shown() + " redirects from https to plain http at " + next.authority());
        url = next;
    }
}

Digest HttpSource::download(Call& call, const std::string& url, HttpResponse& response) {
    const auto limit = _intake.limits().module.moduleBytes;
    auto ingest = _cache.ingest(call, Descriptor::UnknownSize);
    DigestStream stream;
    std::vector<char> chunk(ChunkBytes);
    std::uint64_t count = 0;
    while (const auto got = response.read(chunk.data(), chunk.size())) {
        count += got;
        if (count > limit)
            throw Error(ErrorCode::ModuleUnusable,
                        HttpUrl::parse(url, "url").shown() + " has more than " + std::to_string(limit) + " bytes",
                        "raise pull.max-module");
        stream.update(chunk.data(), got);
        ingest->write(chunk.data(), got);
        call.check("fetching the file");
    }
    const auto digest = stream.finish();
    ingest->commit(digest);
    writeIndex(call.requestId(), [&] { _index.recordContent(digest, count); });
    return digest;
}

} // namespace wasmproxy::host
