// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/ModuleService.h"

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace wasmproxy::host::test {

/// Content in a memfd, as the memory store keeps it. Counts those alive.
class MemoryBlob : public Blob {
public:
    explicit MemoryBlob(const std::string& bytes)
        : _descriptor(::memfd_create("blob", MFD_CLOEXEC)), _size(bytes.size()) {
        for (std::size_t done = 0; done < bytes.size();)
            done += static_cast<std::size_t>(::write(_descriptor, bytes.data() + done, bytes.size() - done));
    }
    ~MemoryBlob() override { ::close(_descriptor); }

    std::uint64_t size() const noexcept override { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        const ssize_t count = ::pread(_descriptor, buffer, size, static_cast<off_t>(offset));
        return count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    int descriptor() const noexcept override { return _descriptor; }

private:
    int _descriptor;
    std::uint64_t _size;
};

/// Answers from a table at once, or keeps the callbacks of references whose repository is `…/held`.
class FakeModules : public ModuleService {
public:
    ServedModule add(const std::string& reference, const std::string& bytes, CacheResult cache = CacheResult::Hit) {
        ServedModule module{std::make_shared<MemoryBlob>(bytes), Digest::of(bytes),
                            Digest::of("manifest of " + reference), cache};
        const std::lock_guard<std::mutex> lock(_mutex);
        _modules.emplace(Reference::parse(reference).str(), module);
        _bySha256.emplace(module.module, module);
        return module;
    }

    void fail(const std::string& reference, const Error& error) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _errors.emplace(Reference::parse(reference).str(), error);
    }

    void byReference(const Reference& reference, const std::string& secret, const Caller& caller,
                     ModuleCallback callback) override {
        const std::string key = reference.str();
        ModuleResult result = Error(ErrorCode::ManifestUnknown, "secret words of the registry about " + key);
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            ++calls;
            callers.push_back(caller);
            asked = "oci " + key + " " + secret;
            if (key.find("/held:") != std::string::npos) {
                _held.push_back(std::move(callback));
                return;
            }
            if (const auto error = _errors.find(key); error != _errors.end()) result = error->second;
            if (const auto module = _modules.find(key); module != _modules.end()) {
                auto served = module->second;
                if (remembered) {
                    AnswerTerms terms;
                    terms.until = std::chrono::system_clock::now() + std::chrono::hours(1);
                    served.terms = std::make_shared<const AnswerTerms>(terms);
                }
                result = served;
            }
        }
        callback(std::move(result));
    }

    void byUrl(const std::string& url, const std::string& secret, const Caller& caller,
               ModuleCallback callback) override {
        byName("url " + url + " " + secret, url, caller, std::move(callback));
    }

    void byExtension(const std::string& name, const std::optional<Digest>& digest, const Caller& caller,
                     ModuleCallback callback) override {
        byName("extension " + name + " " + (digest ? digest->str() : ""), name, caller, std::move(callback));
    }

    /// Served for exactly this url or Extension's name.
    void serve(const std::string& name, const ServedModule& module) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _named.emplace(name, module);
    }

    void bySha256(const Digest& module, const Caller& caller, ModuleCallback callback) override {
        ModuleResult result = Error(ErrorCode::ModuleUnknown, "no link");
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            ++calls;
            callers.push_back(caller);
            if (const auto found = _bySha256.find(module); found != _bySha256.end()) result = found->second;
        }
        callback(std::move(result));
    }

    bool again(const AnswerTerms& /*terms*/, const std::string& caller) noexcept override {
        ++agains;
        return stillRight && caller == "127.0.0.1";
    }

    void remove(const std::string& reference) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _bySha256.clear();
        _modules.erase(Reference::parse(reference).str());
    }

    std::vector<ModuleCallback> takeHeld() {
        const std::lock_guard<std::mutex> lock(_mutex);
        return std::move(_held);
    }
    std::size_t held() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _held.size();
    }

    std::atomic<int> calls{0};
    std::atomic<int> agains{0};
    std::atomic<bool> remembered{false}; ///< answers come with terms
    std::atomic<bool> stillRight{true};  ///< what again() says of them
    std::vector<Caller> callers;
    std::string asked; ///< the last call but bySha256: how, what, and with which secret or digest

private:
    void byName(const std::string& question, const std::string& name, const Caller& caller, ModuleCallback callback) {
        ModuleResult result = Error(ErrorCode::RouteUnknown, "no Extension has it");
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            ++calls;
            callers.push_back(caller);
            asked = question;
            if (const auto found = _named.find(name); found != _named.end()) result = found->second;
        }
        callback(std::move(result));
    }

    mutable std::mutex _mutex;
    std::map<std::string, ServedModule> _named;
    std::map<std::string, ServedModule> _modules;
    std::map<Digest, ServedModule> _bySha256;
    std::map<std::string, Error> _errors;
    std::vector<ModuleCallback> _held;
};

} // namespace wasmproxy::host::test
