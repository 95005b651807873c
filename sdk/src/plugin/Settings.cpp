// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Settings.h"

#include <algorithm>

namespace wasmproxy {

namespace {

/// How many single-character changes lead from `a` to `b`.
std::size_t editDistance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

std::string unknownKey(const std::string& key, const std::vector<SettingBase*>& settings) {
    constexpr std::size_t Near = 2;
    constexpr std::size_t LongestKey = 200;
    std::string known;
    for (const auto* setting : settings) {
        const auto& name = setting->description().key;
        if (key.size() <= LongestKey && editDistance(key, name) <= Near)
            return "this key is not known; did you mean '" + name + "'?";
        known += (known.empty() ? "" : ", ") + name;
    }
    return "this key is not known; " + (known.empty() ? "no keys are expected here" : "known are: " + known);
}

} // namespace

SettingBase::SettingBase(Settings* owner, SettingDescription description) : _description(std::move(description)) {
    owner->_settings.push_back(this);
}

std::string SettingBase::assign(const KeyValue& text) {
    if (_given) return "this key is set twice, first in " + _origin;
    auto problem = parse(text.value);
    if (!problem.empty()) return problem;
    if (_description.required && text.value.empty()) return "this key must not be empty: " + _description.description;
    _given = true;
    _origin = text.origin;
    return {};
}

void Settings::apply(const std::vector<KeyValue>& values, const std::string& prefix,
                     std::vector<SettingsProblem>& problems) {
    std::vector<const SettingBase*> tried;
    for (const auto& value : values) {
        const auto found = std::find_if(_settings.begin(), _settings.end(),
                                        [&](const auto* setting) { return setting->description().key == value.key; });
        if (found == _settings.end()) {
            problems.push_back({value.origin, prefix + value.key, unknownKey(value.key, _settings)});
            continue;
        }
        tried.push_back(*found);
        const auto problem = (*found)->assign(value);
        if (!problem.empty()) problems.push_back({value.origin, prefix + value.key, problem});
    }
    for (const auto* setting : _settings) {
        const auto& description = setting->description();
        const bool missing = !setting->given() && std::find(tried.begin(), tried.end(), setting) == tried.end();
        if (description.required && missing)
            problems.push_back({values.empty() ? "" : values.front().origin, prefix + description.key,
                                "this key is required: " + description.description});
    }
    validate(prefix, problems);
}

std::vector<KeyValue> Settings::effective() const {
    std::vector<KeyValue> result;
    for (const auto* setting : _settings)
        result.push_back({setting->description().key, setting->print(), setting->origin()});
    return result;
}

std::vector<SettingDescription> Settings::describe() const {
    std::vector<SettingDescription> result;
    for (const auto* setting : _settings)
        result.push_back(setting->description());
    return result;
}

} // namespace wasmproxy
