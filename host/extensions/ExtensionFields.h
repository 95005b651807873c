// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/DocumentNode.h"
#include "extensions/ExtensionCatalog.h"

#include <cstdint>

namespace wasmproxy::host {

/// Typed getters over one map of a document; what is wrong is appended to the problems, under the field's full path.
/// Absent, null and the empty text are the same, as in the JSON of protobuf messages.
class ExtensionFields {
public:
    ExtensionFields(const DocumentNode& map, std::string path, std::vector<ExtensionProblem>& problems)
        : _map(map), _path(std::move(path)), _problems(problems) {}

    std::string text(const char* key) const;
    std::string oneOf(const char* key, const std::vector<std::string>& words) const;
    std::vector<std::string> texts(const char* key) const;
    std::int64_t integer(const char* key, std::int64_t least, std::int64_t most) const;
    const DocumentNode* map(const char* key) const;
    const DocumentNode* list(const char* key) const;
    /// A problem for each key that is in neither, with the one of `known` that was probably meant.
    void refuseOthers(const std::vector<std::string>& known, const std::vector<std::string>& ignored = {}) const;

    void problem(const std::string& key, std::string message) const;
    std::string path(const std::string& key) const { return _path.empty() ? key : _path + "." + key; }

private:
    const DocumentNode* get(const char* key, DocumentNode::Kind kind, const char* expected) const;

    const DocumentNode& _map;
    const std::string _path;
    std::vector<ExtensionProblem>& _problems;
};

} // namespace wasmproxy::host
