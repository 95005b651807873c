// SPDX-License-Identifier: Apache-2.0
#include "settings/DocumentBuilder.h"
#include "settings/SettingsDocument.h"

namespace wasmproxy::host {
namespace {

void readHeader(const std::string& line, std::size_t number, DocumentBuilder& builder) {
    if (line.back() != ']') {
        builder.wrongSection(number, "a section line must end with ']', for example [route.private]; a comment needs a "
                                     "line of its own");
        return;
    }
    const std::string inside = line.substr(1, line.size() - 2);
    const std::size_t dot = inside.find('.');
    if (dot == std::string::npos) {
        builder.section(inside, "", number);
    } else if (dot + 1 == inside.size()) {
        builder.wrongSection(number, "the section's name after '.' is missing, for example [route.private]");
    } else if (inside.find('.', dot + 1) != std::string::npos) {
        builder.wrongSection(number, "a section has one '.', between its kind and its name; registries' host names "
                                     "belong into `match`");
    } else {
        builder.section(inside.substr(0, dot), inside.substr(dot + 1), number);
    }
}

void readLine(const std::string& line, std::size_t number, DocumentBuilder& builder) {
    if (line.empty() || line[0] == '#' || line[0] == ';') return;
    if (line[0] == '[') {
        readHeader(line, number, builder);
        return;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) {
        builder.problem(number, "", "expected `key = value`, [section] or a comment that begins with '#' or ';'");
        return;
    }
    builder.value(DocumentBuilder::trim(line.substr(0, equals)), DocumentBuilder::trim(line.substr(equals + 1)),
                  number);
}

} // namespace

SettingsDocument readIni(const std::string& text, const std::string& file, std::vector<SettingsProblem>& problems) {
    DocumentBuilder builder(file, problems);
    if (text.size() > MaxSettingsBytes) {
        builder.problem(0, "", "the file is larger than 1 MiB");
        return {};
    }
    const std::string mark = "\xEF\xBB\xBF"; // some editors write it; it says nothing
    std::size_t begin = text.compare(0, mark.size(), mark) == 0 ? mark.size() : 0;
    for (std::size_t number = 1; begin < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        readLine(DocumentBuilder::trim(text.substr(begin, end - begin)), number, builder);
        begin = end + 1;
    }
    return builder.take();
}

} // namespace wasmproxy::host
