// SPDX-License-Identifier: Apache-2.0
#include "admin/ExtensionFileEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/Refusal.h"
#include "extensions/ExtensionCatalog.h"
#include "extensions/ExtensionDirectory.h"
#include "extensions/ExtensionReader.h"
#include "wasmproxy/oci/Digest.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr const char* Invalid = "EXTENSION_INVALID";

std::string tagOf(const std::string& bytes) {
    return "\"" + std::string(Digest::of(bytes).hex()) + "\"";
}

std::string nameOf(const AdminRequest& request) {
    auto name = request.segment("name");
    if (!isDnsSubdomain(name))
        throw Refusal::invalid("the name of an Extension is lower-case letters, digits, '-' and '.'");
    return name;
}

bool lists(const std::string& tags, const std::optional<std::string>& bytes) {
    return bytes && (tags == "*" || tags.find(tagOf(*bytes)) != std::string::npos);
}

/// If-Match lists the versions that may be changed, If-None-Match those that may not; "*": any that there is.
void refuseLostUpdate(const AdminRequest& request, const std::optional<std::string>& bytes) {
    if (lists(request.ifNoneMatch, bytes))
        throw Refusal{412, "PRECONDITION_FAILED", "there is such a document already",
                      "without If-None-Match it is changed"};
    if (!request.ifMatch.empty() && !lists(request.ifMatch, bytes))
        throw Refusal{412, "PRECONDITION_FAILED",
                      bytes ? "the document has changed since it was read" : "there is no such document any more",
                      "read it again and decide anew"};
}

bool dryRun(const AdminRequest& request) {
    const auto text = request.parameter("dryRun");
    if (text.empty() || text == "false") return false;
    if (text == "true") return true;
    throw Refusal::invalid("dryRun must be true or false");
}

AdminAnswer refusalOf(const std::vector<ExtensionProblem>& problems, const std::string& requestId) {
    std::vector<std::string> messages;
    for (const auto& problem : problems)
        messages.push_back((problem.field.empty() ? "" : problem.field + ": ") + problem.message);
    return refuseAll(422, Invalid, messages, requestId);
}

} // namespace

ExtensionFileEndpoints::ExtensionFileEndpoints(const ExtensionCatalog& catalog, Directory directory)
    : _catalog(&catalog), _directory(std::move(directory)), _writing(std::make_shared<std::mutex>()) {}

void ExtensionFileEndpoints::addTo(AdminServer& server) const {
    const auto add = [&](const char* method, const char* path, auto member, std::size_t body) {
        server.add({method, path, AdminRole::Operate,
                    refusing([self = *this, member](const AdminRequest& request) { return (self.*member)(request); }),
                    body});
    };
    // For operators alone: `config` may hold secrets.
    add("GET", "/api/v1/extensions/{name}/document", &ExtensionFileEndpoints::show, 0);
    add("POST", "/api/v1/extensions", &ExtensionFileEndpoints::check, MaxExtensionFile);
    add("PUT", "/api/v1/extensions/{name}", &ExtensionFileEndpoints::put, MaxExtensionFile);
    add("DELETE", "/api/v1/extensions/{name}", &ExtensionFileEndpoints::remove, 0);
}

std::shared_ptr<ExtensionDirectory> ExtensionFileEndpoints::directory() const {
    auto directory = _directory();
    if (!directory)
        throw Refusal{409, "NO_DIRECTORY", "no directory for Extensions is set",
                      "set [extensions] directory to one that wasm-proxy may write"};
    return directory;
}

void ExtensionFileEndpoints::refuseOthers(const std::string& name, const std::string& path) const {
    for (const auto& entry : _catalog->entries())
        if (entry.document.name == name && entry.document.origin != path)
            throw Refusal{409, "NAME_TAKEN", "the Extension " + name + " is written in " + entry.document.origin,
                          entry.source == "directory" ? "change it there, or delete that file"
                                                      : "change it there: the source " + entry.source + " has it"};
}

AdminAnswer ExtensionFileEndpoints::show(const AdminRequest& request) const {
    const auto name = nameOf(request);
    const auto bytes = directory()->read(name);
    if (!bytes)
        throw Refusal{404, "EXTENSION_UNKNOWN", "no document " + name + " was written here",
                      "/api/v1/extensions lists all of them and where they are written"};
    AdminAnswer answer;
    answer.body = *bytes;
    answer.headers.emplace_back("ETag", tagOf(*bytes));
    return answer;
}

AdminAnswer ExtensionFileEndpoints::problemsOf(const AdminRequest& request, const std::string& path) const {
    AdminAnswer good;
    const auto documents = readExtensions(request.body, DocumentFormat::Json, path);
    if (documents.size() != 1) return refusalOf({{"", "there is no document in the body"}}, request.requestId);
    const auto& document = documents.front();
    auto problems = document.problems;
    const auto name = request.segment("name");
    if (problems.empty() && !name.empty() && document.name != name)
        problems.push_back({"metadata.name", "is " + document.name + ", where the path says " + name});
    if (!problems.empty()) return refusalOf(problems, request.requestId);
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("name", document.name);
    body.set("valid", true);
    return AdminAnswer::json(body);
}

AdminAnswer ExtensionFileEndpoints::check(const AdminRequest& request) const {
    if (!dryRun(request))
        throw Refusal::invalid("this only validates: ?dryRun=true", "PUT /api/v1/extensions/NAME creates and changes");
    return problemsOf(request, "the request's body");
}

AdminAnswer ExtensionFileEndpoints::put(const AdminRequest& request) const {
    const auto name = nameOf(request);
    const bool only = dryRun(request);
    const auto files = only ? _directory() : directory();
    const auto path = files ? files->pathOf(name) : "the request's body";
    const auto judged = problemsOf(request, path);
    if (judged.status != 200) return judged;
    const std::lock_guard<std::mutex> lock(*_writing);
    refuseOthers(name, path);
    const auto before = files ? files->read(name) : std::nullopt;
    refuseLostUpdate(request, before);
    if (only) return judged;
    files->write(name, request.body);
    return describe(name, path, request.body, before ? 200 : 201);
}

AdminAnswer ExtensionFileEndpoints::describe(const std::string& name, const std::string& path, const std::string& bytes,
                                             int status) const {
    const auto entries = _catalog->entries();
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const ExtensionCatalog::Entry& entry) {
        return entry.document.origin == path && entry.document.name == name && entry.document.extension;
    });
    // Another source was given the name at the same moment, or somebody wrote over the file.
    if (found == entries.end())
        throw Refusal{409, "NAME_TAKEN", "the document is written in " + path + " and not in force",
                      "/api/v1/extensions tells why"};
    const auto& extension = *found->document.extension;
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("name", name);
    body.set("origin", path);
    body.set("url", extension.url);
    if (!extension.imagePullSecret.empty()) body.set("imagePullSecret", extension.imagePullSecret);
    if (extension.sha256) body.set("sha256", std::string(extension.sha256->hex()));
    body.set("enabled", _catalog->enabled());
    auto answer = AdminAnswer::json(body, status);
    answer.headers.emplace_back("ETag", tagOf(bytes));
    if (status == 201) answer.headers.emplace_back("Location", "/api/v1/extensions/" + name);
    return answer;
}

AdminAnswer ExtensionFileEndpoints::remove(const AdminRequest& request) const {
    const auto name = nameOf(request);
    const auto files = directory();
    const auto path = files->pathOf(name);
    const std::lock_guard<std::mutex> lock(*_writing);
    const auto before = files->read(name);
    if (!before) {
        refuseOthers(name, path);
        throw Refusal{404, "EXTENSION_UNKNOWN", "there is no Extension " + name};
    }
    refuseLostUpdate(request, before);
    files->remove(name);
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("name", name);
    body.set("deleted", true);
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
