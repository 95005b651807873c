// SPDX-License-Identifier: Apache-2.0
#include "SourceTree.h"

#include <Poco/RegularExpression.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace wasmproxy::test {
namespace {

namespace fs = std::filesystem;

SourceFile readSource(const fs::path& path) {
    SourceFile file{fs::relative(path, SOURCE_ROOT).generic_string(), {}};
    std::ifstream stream(path);
    if (!stream) throw std::runtime_error("cannot read " + path.string());
    for (std::string line; std::getline(stream, line);)
        file.lines.push_back(line);
    return file;
}

bool isFile(const std::string& path) {
    return fs::is_regular_file(fs::path(SOURCE_ROOT) / path);
}

} // namespace

bool SourceFile::isCxx() const {
    const auto extension = fs::path(path).extension();
    return extension == ".h" || extension == ".cpp";
}

std::vector<Include> SourceFile::includes() const {
    // Not std::regex: it warns under sanitizers.
    static const Poco::RegularExpression pattern(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
    std::vector<Include> found;
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < lines.size(); ++at)
        if (lines[at].find("include") != std::string::npos && pattern.split(lines[at], 0, parts) > 0)
            found.push_back({parts[2], parts[1] == "\"", at + 1});
    return found;
}

std::vector<SourceFile> readTree(const std::vector<std::string>& folders) {
    std::vector<SourceFile> files;
    for (const auto& folder : folders) {
        for (fs::recursive_directory_iterator at(fs::path(SOURCE_ROOT) / folder), end; at != end; ++at) {
            const auto name = at->path().filename().string();
            if (name.front() == '.' || name == "corpus") {
                if (at->is_directory()) at.disable_recursion_pending();
            } else if (at->is_regular_file())
                files.push_back(readSource(at->path()));
        }
    }
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return files;
}

std::string resolve(const SourceFile& file, const Include& include) {
    std::vector<fs::path> candidates{fs::path("sdk/include") / include.name};
    if (include.quoted) {
        candidates.insert(candidates.begin(), fs::path(file.path).parent_path() / include.name);
        candidates.push_back(fs::path("host") / include.name);
        candidates.push_back(include.name);
    }
    for (const auto& candidate : candidates) {
        const auto path = candidate.lexically_normal().generic_string();
        if (isFile(path)) return path;
    }
    return include.quoted ? "" : "<" + include.name + ">";
}

std::string joined(const std::vector<std::string>& problems) {
    std::string text = std::to_string(problems.size()) + " problems";
    for (const auto& problem : problems)
        text += "\n    " + problem;
    return text;
}

std::string output(const std::string& command) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (!pipe) throw std::runtime_error("cannot start: " + command);
    std::string text;
    char buffer[4096];
    for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        text.append(buffer, got);
    const int status = ::pclose(pipe);
    if (status != 0) throw std::runtime_error(command + " ended with " + std::to_string(status) + ": " + text);
    return text;
}

} // namespace wasmproxy::test
