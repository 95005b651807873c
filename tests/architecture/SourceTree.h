// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// What an #include line says: the name between its quotes or brackets.
struct Include {
    std::string name;
    bool quoted = false;
    std::size_t line = 0;
};

/// A file of the tree; the path is relative to the tree's root.
struct SourceFile {
    std::string path;
    std::vector<std::string> lines;

    bool isCxx() const;
    std::vector<Include> includes() const;
};

/// Every file below these folders, in the order of their paths, but names that begin with a dot and the inputs of the
/// fuzzers, whose text is as it is.
std::vector<SourceFile> readTree(const std::vector<std::string>& folders);

/// The path of the included file relative to the tree's root, "<name>" for a header of others, "" for a quoted name
/// that is nowhere in the tree.
std::string resolve(const SourceFile& file, const Include& include);

/// One line per problem, for an assertion's message.
std::string joined(const std::vector<std::string>& problems);

/// What a command writes, standard error included; throws std::runtime_error if it cannot start or fails.
std::string output(const std::string& command);

} // namespace wasmproxy::test
