// SPDX-License-Identifier: Apache-2.0
// Any bytes as INI, XML and environment: never a crash, and what was accepted obeys the rules of names and values.
#include "settings/DocumentBuilder.h"
#include "settings/HostSettings.h"

#include <cstdint>
#include <cstdlib>
#include <set>

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void check(const wasmproxy::host::SettingsDocument& document) {
    using wasmproxy::host::DocumentBuilder;
    std::set<std::string> sections;
    for (const auto& section : document.sections) {
        require(DocumentBuilder::nameProblem(section.kind, "section").empty());
        require(section.name.empty() || DocumentBuilder::nameProblem(section.name, "section").empty());
        require(sections.insert(section.prefix()).second);
        std::set<std::string> keys;
        for (const auto& value : section.values) {
            require(DocumentBuilder::nameProblem(value.key, "key").empty());
            require(DocumentBuilder::textProblem(value.value).empty());
            require(DocumentBuilder::trim(value.value) == value.value);
            require(keys.insert(value.key).second);
        }
    }
    std::vector<wasmproxy::SettingsProblem> problems;
    wasmproxy::host::HostSettings().apply(document, problems);
    for (const auto& problem : problems)
        require(!problem.message.empty() && (!problem.origin.empty() || !problem.key.empty() ||
                                             problem.message.find("not shown") != std::string::npos));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    std::vector<wasmproxy::SettingsProblem> problems;
    check(wasmproxy::host::readIni(text, "fuzz.ini", problems));
    check(wasmproxy::host::readXml(text, "fuzz.xml", problems));
    require(problems.size() <= 2 * (wasmproxy::host::MaxSettingsProblems + 1));
    wasmproxy::host::SettingsDocument document;
    wasmproxy::host::applyEnvironment(document, {text, "WASM_PROXY__" + text}, problems);
    check(document);
    return 0;
}
