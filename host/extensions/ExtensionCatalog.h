// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/Extension.h"
#include "wasmproxy/oci/Error.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
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
    std::optional<Digest> module;
    std::string error; ///< client-safe; empty: the last pull was good
    std::chrono::system_clock::time_point at{};
};

/// All Extensions that are in force, and the documents that are not. Answers from memory, never blocks; thread-safe.
///
/// A bad document never disturbs the others; the good version of an Extension whose document turned bad is no longer in
/// force (what is written counts), and the document is listed with its problems. Two sources may not give one name: the
/// one that had it keeps it.
class ExtensionCatalog {
public:
    /// `enabled` = [mesh] enable-wasm-download-proxy: false serves none and says so.
    explicit ExtensionCatalog(bool enabled = true) : _enabled(enabled) {}

    bool enabled() const noexcept { return _enabled; }
    std::shared_ptr<const Extension> find(const std::string& name) const; ///< nullptr: none in force
    /// Those in force whose url means this reference (of an oci:// url the tag and digest must be the same), by name.
    std::vector<std::shared_ptr<const Extension>> byReference(const Reference& reference) const;
    std::vector<std::shared_ptr<const Extension>> byUrl(const std::string& httpUrl) const; ///< by name
    bool permits(const Repository& repository) const; ///< some Extension in force is of this repository

    /// All that `source` ("directory", "kubernetes") has now. Tells the listeners which names changed.
    void replace(const std::string& source, std::vector<ExtensionDocument> documents);

    struct Entry {
        ExtensionDocument document;
        std::string source;
        ExtensionOutcome outcome;
    };
    std::vector<Entry> entries() const; ///< by name

    /// The end of a Flight for it.
    void record(const std::string& name, const ExtensionOutcome& outcome);
    /// Called after record() changed something, with name and outcome; never under a lock. Set before use.
    void onOutcome(std::function<void(const Entry&)> listener);

private:
    struct State;
    const bool _enabled;
    mutable std::shared_mutex _mutex;
    std::map<std::string, std::vector<ExtensionDocument>> _documents; // by source
    std::map<std::string, Entry> _inForce;                            // by name
    std::map<std::string, ExtensionOutcome> _outcomes;                // by name
    std::function<void(const Entry&)> _listener;
};

} // namespace wasmproxy::host
