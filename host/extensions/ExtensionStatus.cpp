// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionStatus.h"

#include "observe/Log.h"
#include "wasmproxy/kubernetes/ApiError.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <sstream>

namespace wasmproxy::host {
namespace {

constexpr std::chrono::seconds Patience{15};     // for one write
constexpr std::chrono::seconds AfterFailure{10}; // before the next

} // namespace

ExtensionStatus::ExtensionStatus(kubernetes::ApiClient& client, kubernetes::ApiResource resource, UrlOf urlOf)
    : _client(client), _resource(std::move(resource)), _urlOf(std::move(urlOf)), _thread([this] { run(); }) {}

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

std::string ExtensionStatus::statusOf(const std::string& name, const ExtensionOutcome& outcome) const {
    Poco::JSON::Object status(Poco::JSON_PRESERVE_KEY_ORDER);
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
        if (said == status) return false;
        said = std::move(status);
        _waiting.insert_or_assign(name, outcome);
    }
    _wake.notify_all();
    return true;
}

void ExtensionStatus::run() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (true) {
        _wake.wait(lock, [this] { return _stopping || !_waiting.empty(); });
        if (_stopping) return;
        const auto next = _waiting.begin();
        const auto name = next->first;
        const auto outcome = next->second;
        _waiting.erase(next);
        lock.unlock();
        const bool written = writeOne(name, outcome);
        lock.lock();
        if (written) continue;
        _waiting.try_emplace(name, outcome); // unless there is newer news
        _wake.wait_for(lock, AfterFailure, [this] { return _stopping.load(); });
    }
}

bool ExtensionStatus::writeOne(const std::string& name, const ExtensionOutcome& outcome) {
    Call call("extension-status", Call::Clock::now() + Patience, &_stopping);
    try {
        const auto before = _client.get(call, _resource, name);
        const auto now = statusOf(name, outcome);
        if (const auto status = before.find("status"); status && status->str() == now) return true; // another replica
        Poco::JSON::Parser parser;
        auto object = parser.parse(before.str()).extract<Poco::JSON::Object::Ptr>();
        Poco::JSON::Parser statusParser;
        object->set("status", statusParser.parse(now));
        std::ostringstream out;
        object->stringify(out);
        _client.replace(call, _resource, name, out.str(), "status");
        _failure.clear();
        return true;
    } catch (const kubernetes::ApiError& error) {
        if (error.absent()) return true; // deleted meanwhile, or a CRD without the subresource
        if (_failure != error.what())
            log(LogLevel::Warning, "the status of a WasmExtension could not be written",
                {{"extension", name}, {"cause", error.what()}, {"hint", error.hint()}});
        _failure = error.what();
        return false;
    } catch (const std::exception& error) {
        if (_failure != error.what())
            log(LogLevel::Warning, "the status of a WasmExtension could not be written",
                {{"extension", name}, {"cause", error.what()}});
        _failure = error.what();
        return false;
    }
}

} // namespace wasmproxy::host
