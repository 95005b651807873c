// SPDX-License-Identifier: Apache-2.0
#include "settings/DocumentBuilder.h"
#include "settings/SettingsDocument.h"

#include <algorithm>
#include <map>

namespace wasmproxy::host {
namespace {

// Two underscores: Kubernetes puts WASM_PROXY_SERVICE_HOST and the like into every pod beside a service `wasm-proxy`.
const std::string Prefix = "WASM_PROXY__";

std::vector<std::string> partsOf(const std::string& name) {
    std::vector<std::string> parts;
    for (std::size_t begin = Prefix.size();;) {
        const std::size_t end = name.find("__", begin);
        std::string part = name.substr(begin, end == std::string::npos ? end : end - begin);
        for (char& c : part) {
            // Lower case is left to fail the check of names: one spelling per key.
            if (c >= 'A' && c <= 'Z') {
                c = static_cast<char>(c - 'A' + 'a');
            } else if (c == '_') {
                c = '-';
            } else if ((c >= 'a' && c <= 'z') || c == '-') {
                c = '?';
            }
        }
        parts.push_back(std::move(part));
        if (end == std::string::npos) return parts;
        begin = end + 2;
    }
}

bool goodName(const std::vector<std::string>& parts) {
    if (parts.size() != 2 && parts.size() != 3) return false;
    return std::all_of(parts.begin(), parts.end(),
                       [](const std::string& part) { return DocumentBuilder::nameProblem(part, "part").empty(); });
}

SettingsSection& sectionOf(SettingsDocument& document, const std::string& kind, const std::string& name,
                           const std::string& origin) {
    for (SettingsSection& section : document.sections) {
        if (section.kind == kind && section.name == name) return section;
    }
    document.sections.push_back({kind, name, origin, {}});
    return document.sections.back();
}

void set(SettingsSection& section, const std::string& key, const std::string& value, const std::string& origin) {
    for (KeyValue& existing : section.values) {
        if (existing.key != key) continue;
        existing.value = value;
        existing.origin = origin;
        return;
    }
    section.values.push_back({key, value, origin});
}

} // namespace

void applyEnvironment(SettingsDocument& document, const std::vector<std::string>& environment,
                      std::vector<SettingsProblem>& problems) {
    // Sorted, because the order of an environment is an accident and the order of added sections has a meaning.
    std::map<std::string, std::string> variables;
    for (const std::string& variable : environment) {
        const std::size_t equals = variable.find('=');
        if (equals == std::string::npos || variable.compare(0, Prefix.size(), Prefix) != 0) continue;
        variables.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
    for (const auto& [variable, text] : variables) {
        const std::string origin = "environment " + variable.substr(0, 200);
        const std::vector<std::string> parts = partsOf(variable);
        if (!goodName(parts)) {
            problems.push_back({origin, "",
                                "expected WASM_PROXY__SECTION__KEY or WASM_PROXY__KIND__NAME__KEY in capitals, digits "
                                "and '_' for '-', for example WASM_PROXY__ROUTE__PRIVATE__PLAIN_HTTP"});
            continue;
        }
        SettingsSection& section = sectionOf(document, parts[0], parts.size() == 3 ? parts[1] : "", origin);
        const std::string value = DocumentBuilder::trim(text);
        if (const std::string wrong = DocumentBuilder::textProblem(value); !wrong.empty()) {
            problems.push_back({origin, section.prefix() + parts.back(), wrong});
        } else {
            set(section, parts.back(), value, origin);
        }
    }
}

} // namespace wasmproxy::host
