// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::host {

/// One section: [route.private] has kind "route" and name "private"; [pull] has kind "pull" and no name.
struct SettingsSection {
    std::string kind;
    std::string name;
    std::string origin; ///< "wasm-proxy.ini:12"
    std::vector<KeyValue> values;
    std::string prefix() const { return (name.empty() ? kind : kind + "." + name) + "."; }
};

/// All that an operator wrote, whatever the format, in the order of the file.
struct SettingsDocument {
    std::vector<SettingsSection> sections;

    const SettingsSection* find(const std::string& kind, const std::string& name = {}) const;
    std::vector<const SettingsSection*> all(const std::string& kind) const;
};

/// INI: `#` and `;` begin comment lines, [kind.name] sections, `key = value`; nothing is expanded, nothing continued,
/// the value is the rest of the line, trimmed. A repeated section or key, a line without `=`, a wrong name or case, a
/// control character, a key before any section: a problem with file and line. At most 1 MiB. `file` names it in
/// origins.
SettingsDocument readIni(const std::string& text, const std::string& file, std::vector<SettingsProblem>& problems);

/// XML: <wasm-proxy><route name="private"><match>…</match></route></wasm-proxy>. The same rules; no DTD, no entities
/// but the five, no attributes but `name`, depth three.
SettingsDocument readXml(const std::string& text, const std::string& file, std::vector<SettingsProblem>& problems);

/// By the file's ending (.xml, else INI). An unreadable file is a problem.
SettingsDocument readSettings(const std::string& path, std::vector<SettingsProblem>& problems);

/// WASM_PROXY__ROUTE__PRIVATE__PLAIN_HTTP=true overrides or adds route.private.plain-http; origin "environment NAME".
/// A section that is not in the document is added. A malformed name is a problem. `environment`: NAME=value strings.
void applyEnvironment(SettingsDocument& document, const std::vector<std::string>& environment,
                      std::vector<SettingsProblem>& problems);

} // namespace wasmproxy::host
