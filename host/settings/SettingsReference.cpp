// SPDX-License-Identifier: Apache-2.0
#include "settings/SettingsReference.h"

#include "settings/SectionReference.h"

namespace wasmproxy::host {
namespace {

constexpr std::size_t LineWidth = 100;

/// `text` as comment lines, broken between words.
void comment(const std::string& text, std::string& out) {
    std::string line = "#";
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
        const std::string word = text.substr(begin, end - begin);
        if (line.size() > 1 && line.size() + 1 + word.size() > LineWidth) {
            out += line + '\n';
            line = "#";
        }
        if (!word.empty()) line += ' ' + word;
        begin = end + 1;
    }
    out += line + '\n';
}

std::string kindOf(const SettingDescription& setting) {
    return setting.type + (setting.required ? ", required" : "");
}

/// A cell of a Markdown table. Angle brackets would be taken for HTML, `*` for emphasis.
std::string cell(const std::string& text) {
    std::string out;
    bool code = false; // in `…` only the bar has a meaning
    for (const char c : text) {
        if (c == '`') code = !code;
        if (c == '|' || (!code && (c == '<' || c == '*' || c == '\\'))) out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

std::string code(const std::string& text) {
    return text.empty() ? "" : cell('`' + text + '`');
}

const char* const IniIntroduction =
    "# Every setting of wasm-proxy with its type and default. Take what you need: remove the `#` of a section and of "
    "the\n"
    "# keys that should differ. Names are lower case, nothing is expanded, a comment has a line of its own. A "
    "variable\n"
    "# WASM_PROXY__SECTION__KEY or WASM_PROXY__KIND__NAME__KEY ('_' for '-') wins over the file.\n";

const char* const MarkdownIntroduction =
    "# Configuration\n"
    "\n"
    "<!-- Generated from the program's descriptions; do not edit. -->\n"
    "\n"
    "wasm-proxy reads one file, INI or XML (by its ending `.xml`). The smallest useful one:\n"
    "\n"
    "```ini\n"
    "[cache.main]\n"
    "directory = /var/lib/wasm-proxy/cache\n"
    "\n"
    "[credential.team]\n"
    "docker-config = /etc/wasm-proxy/docker-config.json\n"
    "\n"
    "[route.private]\n"
    "match = registry.example.com/**\n"
    "```\n"
    "\n"
    "The same in XML: `<wasm-proxy><route "
    "name=\"private\"><match>registry.example.com/**</match></route>…</wasm-proxy>`.\n"
    "\n"
    "- Names of sections and keys are lower-case letters, digits and `-`, and begin with a letter. A repeated section "
    "or\n"
    "  key, an unknown one and a value that does not parse are errors; all of them are reported together, with file "
    "and\n"
    "  line, by `wasm-proxy --check-config`.\n"
    "- Lines that begin with `#` or `;` are comments. The value is the rest of the line; nothing is expanded.\n"
    "- `WASM_PROXY__SECTION__KEY` and `WASM_PROXY__KIND__NAME__KEY` in the environment win over the file; `_` stands "
    "for\n"
    "  `-`, as in `WASM_PROXY__ROUTE__PRIVATE__PLAIN_HTTP=true`. No setting is a secret: secrets stay in files that\n"
    "  settings point to.\n"
    "- The name of a plugin is also an instance of it with its defaults: a route may say `backend = oci` without a "
    "section\n"
    "  `[backend.oci]`, and `credentials` and `[pull] caches` may name plugins likewise. A setting that a plugin must "
    "have\n"
    "  takes a section.\n"
    "- Types: duration (`500ms`, `12s`, `5m`, `24h`, `30d`), size (`16KiB`, `64MiB`, `10GiB`), count (`16`), "
    "true/false,\n"
    "  list (`a, b`), text.\n";

} // namespace

std::string printSettingsIni(const std::vector<PluginReference>& plugins) {
    std::string out = IniIntroduction;
    for (const SectionReference& section : referenceSections(plugins)) {
        out += '\n';
        comment('[' + section.header + "]: " + section.text, out);
        out += "#[" + section.example + "]\n";
        for (const SettingDescription& setting : section.settings) {
            comment(setting.description + " (" + kindOf(setting) + ')', out);
            out += '#' + setting.key + " =" + (setting.defaultValue.empty() ? "" : ' ' + setting.defaultValue) + '\n';
        }
    }
    return out;
}

std::string printSettingsMarkdown(const std::vector<PluginReference>& plugins) {
    std::string out = MarkdownIntroduction;
    for (const SectionReference& section : referenceSections(plugins)) {
        out += "\n## [" + section.header + "]\n\n" + section.text + "\n\n";
        out += "| key | type | default | description |\n|---|---|---|---|\n";
        for (const SettingDescription& setting : section.settings) {
            out += "| " + code(setting.key) + " | " + kindOf(setting) + " | " + code(setting.defaultValue) + " | " +
                   cell(setting.description) + " |\n";
        }
    }
    return out;
}

} // namespace wasmproxy::host
