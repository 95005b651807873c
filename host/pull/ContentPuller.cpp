// SPDX-License-Identifier: Apache-2.0
#include "pull/ContentPuller.h"

#include "pull/IndexWrite.h"

#include <vector>

namespace wasmproxy::host {
namespace {

constexpr std::size_t ChunkBytes = 64 * 1024;
constexpr std::chrono::seconds LeaveMirrorAlone{30}; // after a failure, so that a dead one costs one connect timeout
constexpr int MaxResumes = 3;                        // of one body, by Range, before the whole attempt counts as failed

std::string readAll(Blob& blob) {
    std::string bytes;
    bytes.resize(blob.size());
    std::size_t offset = 0;
    while (offset < bytes.size()) {
        const auto count = blob.read(offset, bytes.data() + offset, bytes.size() - offset);
        if (count == 0) throw Error(ErrorCode::StorageFault, "cached content ended early");
        offset += count;
    }
    return bytes;
}

} // namespace

std::unique_ptr<Blob> ContentPuller::open(Call& call, const Origin& origin, const Descriptor& descriptor,
                                          std::uint64_t limit) {
    if (descriptor.size != Descriptor::UnknownSize && descriptor.size > limit)
        throw Error(ErrorCode::ModuleUnusable,
                    descriptor.digest.str() + " has " + std::to_string(descriptor.size) +
                        " bytes, more than the limit of " + std::to_string(limit),
                    "raise pull.max-layer (or pull.max-manifest, if it is a manifest)");
    const auto key = origin.repository.str() + "@" + descriptor.digest.str();
    while (true) {
        if (_index.linked(descriptor.digest, origin.repository))
            if (auto blob = _cache.openVerified(call, descriptor.digest)) return blob;
        {
            std::unique_lock<std::mutex> lock(_mutex);
            if (!_inProgress.insert(key).second) {
                if (!_ended.wait_until(lock, call.deadline(), [&] { return _inProgress.count(key) == 0; }))
                    call.check("waiting for another pull of the same content");
                continue;
            }
        }
        const auto done = [&](void*) {
            {
                const std::lock_guard<std::mutex> lock(_mutex);
                _inProgress.erase(key);
            }
            _ended.notify_all();
        };
        const std::unique_ptr<void, decltype(done)> end(this, done);
        fetch(call, origin, descriptor, limit);
        auto blob = _cache.openTrusted(call, descriptor.digest);
        if (!blob) throw Error(ErrorCode::StorageFault, "the cache lost " + descriptor.digest.str() + " right away");
        return blob;
    }
}

std::string ContentPuller::bytes(Call& call, const Origin& origin, const Descriptor& descriptor, std::uint64_t limit) {
    return readAll(*open(call, origin, descriptor, limit));
}

void ContentPuller::put(Call& call, const Repository& repository, const Digest& digest, const std::string& bytes) {
    DigestStream stream(digest.algorithm());
    stream.update(bytes.data(), bytes.size());
    if (stream.finish() != digest)
        throw Error(ErrorCode::UpstreamInvalid,
                    repository.host() + " answered with bytes that are not " + digest.str());
    auto ingest = _cache.ingest(call, bytes.size());
    ingest->write(bytes.data(), bytes.size());
    ingest->commit(digest);
    keep(call, repository, digest, bytes.size());
}

void ContentPuller::keep(Call& call, const Repository& repository, const Digest& digest, std::uint64_t size) {
    writeIndex(call.requestId(), [&] { _index.recordContent(digest, size); });
    writeIndex(call.requestId(), [&] { _index.link(digest, repository); });
}

void ContentPuller::fetch(Call& call, const Origin& origin, const Descriptor& descriptor, std::uint64_t limit) {
    auto size = fetchFromMirror(call, origin, descriptor, limit);
    if (!size) {
        try {
            size = fetchFrom(call, *origin.route.backend, origin.repository, origin.credential, descriptor, limit);
        } catch (const Error& error) {
            if (error.code() != ErrorCode::ModuleUnknown) throw;
            throw Error(ErrorCode::UpstreamInvalid, error.what()); // the registry contradicts its own manifest
        }
    }
    keep(call, origin.repository, descriptor.digest, *size);
}

bool ContentPuller::mirrorIsDown(const std::string& name) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto down = _mirrorsDown.find(name);
    return down != _mirrorsDown.end() && down->second > Call::Clock::now();
}

std::optional<std::uint64_t> ContentPuller::fetchFromMirror(Call& call, const Origin& origin,
                                                            const Descriptor& descriptor, std::uint64_t limit) {
    for (const auto& mirror : origin.route.mirrors) {
        if (mirrorIsDown(mirror.name)) continue;
        try {
            const Repository there(mirror.host, origin.repository.path());
            std::vector<Credential> credentials;
            // A Secret was named for the registry; what it holds is not shown to another host. Neither is the backend's
            // own identity, which may answer for any.
            if (origin.secret.empty()) credentials = _keychain.find(call, there, origin.route.credentials);
            _memory.inForce(there, credentials);
            if (credentials.empty()) credentials.push_back(Credential::anonymous());
            if (const auto refusal = _memory.refusal(there, credentials.front())) throw Error(*refusal);
            return fetchFrom(call, *mirror.backend, there, credentials.front(), descriptor, limit);
        } catch (const Error& error) {
            // A store that fails would fail for the registry's bytes too.
            if (error.code() == ErrorCode::StorageFault) throw;
            call.check("asking a mirror");
            // That it has not this content, or for others, says nothing about the next; anything else may take its time
            // again.
            if (error.code() != ErrorCode::ModuleUnknown && error.code() != ErrorCode::RepositoryDenied) {
                const std::lock_guard<std::mutex> lock(_mutex);
                _mirrorsDown[mirror.name] = Call::Clock::now() + LeaveMirrorAlone;
            }
            log(LogLevel::Warning, "a mirror did not help; asking on",
                {{"request", call.requestId()},
                 {"trace", call.trace().traceId()},
                 {"mirror", mirror.name},
                 {"repository", origin.repository.str()},
                 {"digest", descriptor.digest.str()},
                 {"cause", error.what()},
                 {"hint", error.hint()}});
        }
    }
    return std::nullopt;
}

std::unique_ptr<BodyReader> ContentPuller::begin(Call& call, RegistryBackend& backend, const Repository& repository,
                                                 const Credential& credential, const Descriptor& descriptor,
                                                 std::uint64_t offset) {
    try {
        auto reader = backend.fetch(call, repository, descriptor, credential, offset);
        if (reader) return reader;
    } catch (const Error& error) {
        // Resolved with it, or on a mirror that nobody resolved at: to be tried no more often than any other.
        if (error.code() != ErrorCode::CredentialRefused && error.code() != ErrorCode::RepositoryDenied) throw;
        throw Error(_memory.refused(repository, credential, error));
    }
    throw Error(ErrorCode::ModuleUnknown,
                repository.str() + " has no " + descriptor.digest.str() + " although it is named there");
}

std::uint64_t ContentPuller::fetchFrom(Call& call, RegistryBackend& backend, const Repository& repository,
                                       const Credential& credential, const Descriptor& descriptor,
                                       std::uint64_t limit) {
    const auto& host = repository.host();
    const auto size = descriptor.size;
    const auto bound = size == Descriptor::UnknownSize ? limit : size;
    auto ingest = _cache.ingest(call, size);
    DigestStream stream(descriptor.digest.algorithm());
    std::vector<char> chunk(ChunkBytes);
    std::uint64_t count = 0;
    for (int resumes = 0;; ++resumes) {
        const auto reader = begin(call, backend, repository, credential, descriptor, count);
        try {
            while (const auto got = reader->read(chunk.data(), chunk.size())) {
                count += got;
                if (count > bound)
                    throw Error(ErrorCode::UpstreamInvalid, host + " sent more than the " + std::to_string(bound) +
                                                                " bytes of " + descriptor.digest.str());
                stream.update(chunk.data(), got);
                ingest->write(chunk.data(), got);
                call.check("fetching content");
            }
            break;
        } catch (const Error& error) {
            // A body that was cut goes on where it stopped; nothing is lost, since the digest decides at the end.
            if (error.code() != ErrorCode::UpstreamUnavailable || count == 0 || resumes == MaxResumes) throw;
        }
    }
    if (size != Descriptor::UnknownSize && count != size)
        throw Error(ErrorCode::UpstreamInvalid, host + " sent " + std::to_string(count) + " of the " +
                                                    std::to_string(size) + " bytes of " + descriptor.digest.str());
    const auto digest = stream.finish();
    if (digest != descriptor.digest)
        throw Error(ErrorCode::UpstreamInvalid,
                    host + " sent " + digest.str() + " where " + descriptor.digest.str() + " was asked for");
    ingest->commit(descriptor.digest);
    return count;
}

} // namespace wasmproxy::host
