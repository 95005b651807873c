// SPDX-License-Identifier: Apache-2.0
#include "admin/ArchiveEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/JobEndpoints.h"
#include "admin/Jobs.h"
#include "admin/ModuleRequest.h"
#include "admin/Refusal.h"
#include "admin/StoreEndpoints.h"
#include "pull/LayoutExport.h"
#include "pull/LayoutImport.h"
#include "pull/PullService.h"
#include "pull/TemporaryFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wasmproxy::host {
namespace {

constexpr std::uint64_t LargestArchive = 1024u << 20;
constexpr std::chrono::seconds ExportPatience{18};

/// The body of a request, which outlives its name.
class ReceivedFile : public Blob {
public:
    explicit ReceivedFile(const std::string& path) : _descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        struct stat status {};
        if (_descriptor < 0 || ::fstat(_descriptor, &status) != 0)
            throw Error(ErrorCode::StorageFault,
                        std::string("the archive was received and cannot be read: ") + std::strerror(errno));
        _size = static_cast<std::uint64_t>(status.st_size);
    }
    ~ReceivedFile() override {
        if (_descriptor >= 0) ::close(_descriptor);
    }
    ReceivedFile(const ReceivedFile&) = delete;
    ReceivedFile& operator=(const ReceivedFile&) = delete;

    std::uint64_t size() const noexcept override { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        const auto count = ::pread(_descriptor, buffer, size, static_cast<off_t>(offset));
        if (count < 0)
            throw Error(ErrorCode::StorageFault, std::string("the archive cannot be read: ") + std::strerror(errno));
        return static_cast<std::size_t>(count);
    }

private:
    int _descriptor;
    std::uint64_t _size = 0;
};

AdminAnswer answerOf(std::shared_ptr<Blob> blob, const std::string& type, const std::string& name) {
    AdminAnswer answer;
    answer.contentType = type;
    answer.file = "/proc/self/fd/" + std::to_string(blob->descriptor());
    answer.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + name + "\"");
    answer.fileOwner = std::move(blob);
    return answer;
}

/// What can stand in a quoted file name: tags and the last part of a path may be any of these.
std::string fileNameOf(const Reference& reference) {
    auto name = reference.repository().path().substr(reference.repository().path().rfind('/') + 1) + "-" +
                (reference.tag().empty() ? "module" : reference.tag());
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c) && c != '.' && c != '-' && c != '_'; },
        '_');
    return name + ".tar";
}

} // namespace

void ArchiveEndpoints::addTo(AdminServer& server) const {
    const auto add = [&](const char* method, const char* path, auto member, std::uint64_t body = 0) {
        server.add({method, path, AdminRole::Operate,
                    refusing([self = *this, member](const AdminRequest& request) { return (self.*member)(request); }),
                    body, body != 0});
    };
    add("POST", "/api/v1/import", &ArchiveEndpoints::import, LargestArchive);
    add("GET", "/api/v1/export", &ArchiveEndpoints::exportArtifact);
    add("GET", "/api/v1/modules/{digest}/export", &ArchiveEndpoints::exportModule);
}

AdminAnswer ArchiveEndpoints::import(const AdminRequest& request) const {
    const auto text = request.parameter("reference");
    if (text.empty()) throw Refusal::invalid("say what it is imported as: ?reference=host/repository:tag");
    const auto reference = parseReference(text);
    if (request.bodyFile.empty())
        throw Refusal::invalid("send an OCI image layout archive as the body",
                               "skopeo copy SOURCE oci-archive:FILE writes one");
    // Opened now: the name goes with the request.
    const auto archive = std::make_shared<ReceivedFile>(request.bodyFile);
    return JobEndpoints::accepted(
        _rooms.jobs.start(
            "import", request.actor,
            [rooms = _rooms, archive, reference, upload = request.upload](Jobs::Run& run) {
                run.progress(0, 0, reference.str());
                LayoutImport import(rooms.cache, rooms.index, rooms.limits(), rooms.folder);
                const auto imported = import.take(run.call(), *archive, reference);
                rooms.pulls.forgetFailures(); // that there is no such module may have been said a moment ago
                Poco::JSON::Object::Ptr result =
                    new Poco::JSON::Object(rooms.description.of(reference, imported.record));
                result->set("contents", static_cast<Poco::UInt64>(imported.contents));
                result->set("bytes", static_cast<Poco::UInt64>(imported.bytes));
                return result;
            }),
        reference.str());
}

AdminAnswer ArchiveEndpoints::exportArtifact(const AdminRequest& request) const {
    const auto text = request.parameter("reference");
    if (text.empty()) throw Refusal::invalid("say what is exported: ?reference=host/repository:tag");
    const auto reference = parseReference(text);
    auto manifest = reference.digest();
    if (!manifest)
        if (const auto tag = _rooms.index.tag(reference)) manifest = tag->digest;
    if (!manifest || !_rooms.index.linked(*manifest, reference.repository()))
        throw Refusal{404, "MANIFEST_UNKNOWN", reference.str() + " is not known here",
                      "pull it first: /api/v1/resolve?ref=" + reference.str()};
    const auto file = std::make_shared<TemporaryFile>(_rooms.folder);
    Call call(request.requestId, Call::Clock::now() + ExportPatience);
    LayoutExport writer(_rooms.cache, _rooms.limits().manifestBytes,
                        [this](Call& fetching, const Reference& of, const std::vector<Descriptor>& missing) {
                            _rooms.pulls.complete(fetching, of, missing);
                        });
    writer.write(call, reference, *manifest, file->descriptor());
    return answerOf(file, "application/x-tar", fileNameOf(reference));
}

AdminAnswer ArchiveEndpoints::exportModule(const AdminRequest& request) const {
    const auto digest = parseDigest(request.segment("digest"));
    auto module = digest;
    if (const auto record = _rooms.index.module(digest)) module = record->module;
    Call call(request.requestId, Call::Clock::now() + ExportPatience);
    auto blob = _rooms.index.modulesBySha256(module).empty() ? nullptr : _rooms.cache.openVerified(call, module);
    if (!blob)
        throw Refusal{404, "BLOB_UNKNOWN", "no module " + digest.str() + " is cached here",
                      "/api/v1/modules lists what is known; what was evicted comes back by /api/v1/prefetch"};
    return answerOf(withDescriptor(std::move(blob)), "application/wasm", std::string(module.hex()) + ".wasm");
}

} // namespace wasmproxy::host
