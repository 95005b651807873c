// SPDX-License-Identifier: Apache-2.0
#include "FileRules.h"

#include <Poco/RegularExpression.h>

#include <algorithm>

namespace wasmproxy::test {
namespace {

constexpr std::size_t Columns = 120;
const std::string License = "SPDX-License-Identifier: Apache-2.0";

bool endsWith(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// In characters: of UTF-8 every byte counts that does not continue one.
std::size_t width(const std::string& line) {
    return static_cast<std::size_t>(
        std::count_if(line.begin(), line.end(), [](unsigned char byte) { return (byte & 0xC0) != 0x80; }));
}

/// Where the license stands: first, or after a script's or an XML document's own first line. JSON has no comments.
bool licensed(const SourceFile& file) {
    if (endsWith(file.path, ".json")) return true;
    const bool first =
        file.lines.empty() || (file.lines[0].rfind("#!", 0) != 0 && file.lines[0].rfind("<?xml", 0) != 0);
    const std::size_t at = first ? 0 : 1;
    if (at >= file.lines.size()) return false;
    const auto& line = file.lines[at];
    return line == "// " + License || line == "# " + License || line == "<!-- " + License + " -->";
}

/// Words that say nothing of what a class is for.
std::string emptyName(const std::string& line) {
    static const Poco::RegularExpression definition(
        R"(\b(?:class|struct|union|enum|using|namespace)\s+(?:class\s+)?([A-Za-z_]\w*)\s*(?:final\b|[:{=]|$))");
    static const Poco::RegularExpression empty(
        "(?:^|[a-z0-9_])(?:Manager|Helper|Util|Utils|Processor|Info|Data|Context)$");
    std::vector<std::string> parts;
    if (!definition.split(line, 0, parts)) return {};
    Poco::RegularExpression::Match match;
    return empty.match(parts[1], 0, match) ? parts[1] : "";
}

/// A path that is there on the machine of whoever wrote it, and nowhere else.
bool namesMachine(const std::string& line) {
    static const Poco::RegularExpression pattern(R"re((?:^|[\s"'=(:])/(?:home|root|Users|work)(?:/|$|[\s"']))re");
    Poco::RegularExpression::Match match;
    return pattern.match(line, 0, match) > 0;
}

} // namespace

std::vector<std::string> flaws(const SourceFile& file) {
    std::vector<std::string> found;
    if (!licensed(file)) found.push_back(file.path + ":1: does not begin with its " + License);
    for (std::size_t at = 0; at < file.lines.size(); ++at) {
        const auto& line = file.lines[at];
        const auto report = [&](const std::string& what) {
            found.push_back(file.path + ":" + std::to_string(at + 1) + ": " + what);
        };
        // A string of JSON cannot be broken.
        if (width(line) > Columns && !endsWith(file.path, ".json")) report(std::to_string(width(line)) + " columns");
        if (line.find('\t') != std::string::npos && file.isCxx()) report("a tab");
        if (!line.empty() && (line.back() == ' ' || line.back() == '\r')) report("white space at its end");
        if (namesMachine(line)) report("names a path of somebody's machine");
        if (!file.isCxx()) continue;
        if (const auto name = emptyName(line); !name.empty()) report(name + " says nothing of what it is for");
        // One part of the program asking the whole for what it needs, behind everybody's back.
        if (line.find(std::string("Application::") + "instance") != std::string::npos) report("uses a global");
    }
    return found;
}

} // namespace wasmproxy::test
