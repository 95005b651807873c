// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/Extension.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Why a document is no Extension: each names its field.
struct ExtensionProblem {
    std::string field; ///< "spec.url"; empty: the whole document
    std::string message;
};

/// One document as its source has it: good, or with what is wrong with it.
struct ExtensionDocument {
    std::string name;                           ///< may be empty where the document has none
    std::string origin;                         ///< file, or namespace/name
    std::shared_ptr<const Extension> extension; ///< nullptr: there are problems
    std::vector<ExtensionProblem> problems;
};

/// What became of an Extension when it was last pulled.
struct ExtensionOutcome {
    std::optional<Digest> manifest; ///< of what its url meant; kept when a later pull fails
    std::optional<Digest> module;   ///< kept likewise
    std::string error;              ///< client-safe; empty: the last pull was good
    std::chrono::system_clock::time_point at{};
};

/// All Extensions that are in force, and the documents that are not. Answers from memory, never blocks; thread-safe.
///
/// A bad document never disturbs the others; the good version of an Extension whose document turned bad is no longer in
/// force (what is written counts), and the document is listed with its problems. Two documents may not give one name:
/// the one that had it keeps it, and the other takes over when that is gone.
class ExtensionCatalog {
public:
    /// `enabled` = [mesh] enable-wasm-download-proxy: false serves none and says so.
    explicit ExtensionCatalog(bool enabled = true);
    ~ExtensionCatalog();

    bool enabled() const noexcept { return _enabled; }
    void enable(bool enabled);
    /// Changes after every change of what is in force. Cheap.
    std::uint64_t version() const noexcept { return _version.load(std::memory_order_acquire); }
    std::shared_ptr<const Extension> find(const std::string& name) const; ///< nullptr: none in force
    /// Those in force whose oci:// url means this reference, with the same tag and digest; by name.
    std::vector<std::shared_ptr<const Extension>> byReference(const Reference& reference) const;
    std::vector<std::shared_ptr<const Extension>> byUrl(const std::string& httpUrl) const; ///< by name
    /// Those in force of this repository, that of referenceOfUrl() for an http(s) url; by name.
    std::vector<std::shared_ptr<const Extension>> byRepository(const Repository& repository) const;

    /// All that `source` ("directory", "kubernetes") has now.
    void replace(const std::string& source, std::vector<ExtensionDocument> documents);

    struct Entry {
        ExtensionDocument document;
        std::string source;
        ExtensionOutcome outcome; ///< empty for what is not in force
    };
    std::vector<Entry> entries() const; ///< by name

    /// The end of a Flight for it. Ignored for a name that is not in force; forgotten when its url or sha256 changes.
    void record(const std::string& name, const ExtensionOutcome& outcome);
    /// Called after record() changed more than the time, never under a lock. Set before use.
    void onOutcome(std::function<void(const Entry&)> listener);
    /// Called by replace() for each Extension that came into force or changed what it means, and by enable() for all
    /// where none was served before; never under a lock. Set before use.
    void onChange(std::function<void(const std::string& name)> listener);

private:
    struct State;
    std::vector<std::string> settle(); ///< who is in force, from all documents; returns who is new or other

    std::atomic<bool> _enabled;
    std::atomic<std::uint64_t> _version{0};
    mutable std::shared_mutex _mutex;
    std::unique_ptr<State> _state;
    std::function<void(const Entry&)> _outcomeListener;
    std::function<void(const std::string&)> _changeListener;
};

} // namespace wasmproxy::host
