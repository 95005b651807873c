// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionStatus.h"

#include "observe/Log.h"
#include "wasmproxy/kubernetes/ApiError.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <sstream>

namespace wasmproxy::host {
namespace {

constexpr std::chrono::seconds Patience{15}; // for one write
constexpr int MostConflicts = 5;             // in a row, before it waits as after any failure

} // namespace

ExtensionStatus::ExtensionStatus(kubernetes::ApiClient& client, kubernetes::ApiResource resource, UrlOf urlOf,
                                 std::chrono::milliseconds afterFailure)
    : _client(client),
      _resource(std::move(resource)),
      _urlOf(std::move(urlOf)),
      _afterFailure(afterFailure),
      _thread([this] { run(); }) {}

ExtensionStatus::~ExtensionStatus() {
    stop();
}

void ExtensionStatus::stop() noexcept {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    _wake.notify_all();
    if (_thread.joinable()) _thread.join();
}

/// Keys in the order of the alphabet, as the API server gives them back.
std::string ExtensionStatus::statusOf(const std::string& name, const ExtensionOutcome& outcome) const {
    Poco::JSON::Object status;
    if (outcome.manifest) status.set("resolvedDigest", outcome.manifest->str());
    if (outcome.module) status.set("moduleSha256", std::string(outcome.module->hex()));
    if (const auto url = outcome.manifest && _urlOf ? _urlOf(name, *outcome.manifest) : ""; !url.empty())
        status.set("url", url);
    if (!outcome.error.empty()) status.set("lastError", outcome.error);
    std::ostringstream out;
    status.stringify(out);
    return out.str();
}

bool ExtensionStatus::write(const std::string& name, const ExtensionOutcome& outcome) {
    auto status = statusOf(name, outcome);
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_said.size() >= MaxNames) _said.clear();
        auto& said = _said[name];
        if (said.status == status) return false;
        said = {std::move(status), outcome};
        _waiting.insert_or_assign(name, outcome);
    }
    _wake.notify_all();
    return true;
}

void ExtensionStatus::repeat(const std::string& name) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto said = _said.find(name);
        if (said == _said.end()) return;
        _waiting.insert_or_assign(name, said->second.outcome);
    }
    _wake.notify_all();
}

void ExtensionStatus::forget(const std::string& name) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _said.erase(name);
    _waiting.erase(name);
}

void ExtensionStatus::run() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (true) {
        _wake.wait(lock, [this] { return _stopping || !_waiting.empty(); });
        if (_stopping) return;
        if (!writeAll(std::exchange(_waiting, {}), lock))
            _wake.wait_for(lock, _afterFailure, [this] { return _stopping.load(); });
    }
}

/// What cannot be written waits again, unless there is newer news. false: some does.
bool ExtensionStatus::writeAll(Outcomes batch, std::unique_lock<std::mutex>& lock) {
    bool all = true;
    while (!batch.empty() && !_stopping) {
        const auto next = batch.extract(batch.begin());
        lock.unlock();
        const auto end = writeOne(next.key(), next.mapped());
        lock.lock();
        if (end == End::Done) continue;
        all = false;
        if (_said.count(next.key())) _waiting.try_emplace(next.key(), next.mapped());
        if (end == End::NoAnswer) break; // nor will there be one for the others
    }
    _waiting.merge(batch);
    return all;
}

ExtensionStatus::End ExtensionStatus::writeOne(const std::string& name, const ExtensionOutcome& outcome) {
    for (int conflicts = 0;; ++conflicts) {
        try {
            replaceStatus(name, statusOf(name, outcome));
            _failureInForce.reset();
            return End::Done;
        } catch (const kubernetes::ApiError& error) {
            if (error.absent()) return End::Done; // deleted meanwhile, or a definition without the subresource
            const int status = error.status();
            if (status == 409 && conflicts < MostConflicts && !_stopping) continue;
            failed(name, status, error);
            // What is wrong with this one alone stays so until there is news of it.
            const bool forAll = status == 401 || status == 403 || status == 409 || status == 429 || status >= 500;
            return forAll ? End::NotYet : End::Done;
        } catch (const Error& error) {
            failed(name, 0, error);
        } catch (const std::exception& error) {
            failed(name, 0, Error(ErrorCode::Internal, error.what()));
        }
        return End::NoAnswer;
    }
}

void ExtensionStatus::replaceStatus(const std::string& name, const std::string& status) {
    Call call("extension-status", Call::Clock::now() + Patience, &_stopping);
    const auto before = _client.get(call, _resource, name);
    if (const auto there = before.find("status"); there && there->str() == status) return; // of another replica
    Poco::JSON::Parser parser;
    auto object = parser.parse(before.str()).extract<Poco::JSON::Object::Ptr>();
    Poco::JSON::Parser statusParser;
    object->set("status", statusParser.parse(status));
    std::ostringstream out;
    object->stringify(out);
    _client.replace(call, _resource, name, out.str(), "status");
}

/// Once for each kind of failure: a Role that lacks the rule lacks it for all.
void ExtensionStatus::failed(const std::string& name, int status, const Error& error) {
    if (_stopping || _failureInForce == status) return;
    _failureInForce = status;
    const auto hint = status == 403 ? "let a Role that is bound to the user it names have the rules " +
                                          _resource.rule("get, list, watch", "") + " and " +
                                          _resource.rule("update", "", "status")
                                    : error.hint();
    log(LogLevel::Warning, "the status of a WasmExtension could not be written",
        {{"extension", name}, {"cause", error.what()}, {"hint", hint}});
}

} // namespace wasmproxy::host
