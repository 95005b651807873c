// SPDX-License-Identifier: Apache-2.0
#include "loading/PluginChecks.h"

#include "loading/LocationRules.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/PluginNoteReader.h"

#include <algorithm>
#include <sys/eventfd.h>

namespace wasmproxy::host {

namespace {

constexpr std::size_t MaxCopies = 32; // of those that run and those that wait to be taken: they are memory

OwnedFd event() {
    OwnedFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) throw Error(ErrorCode::Internal, "no descriptor to check plugins with", "raise the limit of open files");
    return fd;
}

} // namespace

PluginChecks::PluginChecks(std::string program, std::chrono::milliseconds timeout, bool checkOwner)
    : _checkOwner(checkOwner), _ended(event()), _stop(event()), _check(std::move(program), timeout, _stop.get()) {}

PluginChecks::~PluginChecks() {
    ::eventfd_write(_stop.get(), 1);
    for (auto& job : _jobs)
        if (job.thread.joinable()) job.thread.join();
}

void PluginChecks::begin(const std::string& path, const std::string& file) {
    auto& plugin = _jobs.emplace_back().plugin;
    plugin.path = path;
    plugin.identity = identityOf(path);
    plugin.state.file = file;
    startSome();
}

bool PluginChecks::has(const std::string& file) const {
    return std::any_of(_jobs.begin(), _jobs.end(), [&](const Job& job) { return job.plugin.state.file == file; });
}

std::chrono::milliseconds PluginChecks::patience(std::chrono::milliseconds time) const {
    if (_jobs.empty()) return std::chrono::milliseconds(0);
    const auto until = _jobs.back().begun + time; // of the latest
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()), std::chrono::milliseconds(0));
}

std::vector<CheckedPlugin> PluginChecks::take(bool inOrder) {
    eventfd_t count = 0;
    ::eventfd_read(_ended.get(), &count); // first: what ends from here on shows again
    std::vector<CheckedPlugin> taken;
    for (auto job = _jobs.begin(); job != _jobs.end();) {
        if (!job->done) {
            if (inOrder) break;
            ++job;
            continue;
        }
        if (job->thread.joinable()) job->thread.join();
        taken.push_back(std::move(job->plugin));
        job = _jobs.erase(job);
    }
    startSome();
    return taken;
}

void PluginChecks::startSome() {
    std::size_t running = 0, begun = 0;
    for (auto& job : _jobs) {
        if (running == AtOnce || begun++ == MaxCopies) return;
        if (!job.done) ++running;
        if (job.done || job.thread.joinable()) continue;
        const auto run = [this, &job] {
            check(job.plugin);
            job.done = true;
            ::eventfd_write(_ended.get(), 1);
        };
        try {
            job.thread = std::thread(run);
        } catch (const std::exception&) {
            run(); // no thread to be had: then it takes its time here
        }
    }
}

void PluginChecks::check(CheckedPlugin& plugin) const {
    auto& state = plugin.state;
    try {
        const auto fd = LocationRules(_checkOwner).file(plugin.path);
        plugin.copy = std::make_unique<SealedCopy>(fd.get(), state.file);
        const auto identity = readPluginNote(plugin.copy->bytes(), state.file);
        state.id = identity.id;
        state.version = identity.version;
        requireCompatible(identity, state.file);
        plugin.digest = Digest::of(plugin.copy->bytes());
        state.reason = _check.run(plugin.copy->descriptor(), state.file);
    } catch (const Error& error) {
        state.reason = error.what() + (error.hint().empty() ? "" : "; " + error.hint());
    } catch (const std::exception& error) { // ours: memory
        state.reason = state.file + ": " + error.what();
    }
    if (!state.reason.empty()) plugin.copy.reset();
}

} // namespace wasmproxy::host
