// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace wasmproxy {

/// One `key = value` with its origin: "wasm-proxy.ini:12" or "environment WASM_PROXY__…".
struct KeyValue {
    std::string key;
    std::string value;
    std::string origin;
};

/// What is wrong with one setting; all problems of a file are reported together.
struct SettingsProblem {
    std::string origin;
    std::string key;     ///< full, "route.private.match"
    std::string message; ///< what was expected and what to do
};

struct SettingDescription {
    std::string key;
    std::string type; ///< "text", "duration", "size", "count", "true/false", "list", "path"
    std::string defaultValue;
    std::string description;
    bool required = false;
};

class Settings;

/// One typed setting, declared as a member of a Settings with its default and documentation:
///     Setting<std::string> directory{this, "directory", "", "Where blobs are kept."};
/// Types: std::string, bool (true/false), std::uint64_t (count), Bytes (64MiB), std::chrono::milliseconds (12s),
/// std::vector<std::string> (comma list).
struct Bytes {
    std::uint64_t value = 0;
    operator std::uint64_t() const { return value; }
};

class SettingBase {
public:
    SettingBase(Settings* owner, SettingDescription description);
    virtual ~SettingBase() = default;
    SettingBase(const SettingBase&) = delete;
    SettingBase& operator=(const SettingBase&) = delete;

    const SettingDescription& description() const { return _description; }
    bool given() const { return _given; } ///< written by the operator
    const std::string& origin() const { return _origin; }
    /// Returns "" or what was expected.
    std::string assign(const KeyValue& text);
    virtual std::string print() const = 0; ///< the value in force, as it would be written

protected:
    virtual std::string parse(const std::string& text) = 0;
    SettingDescription _description;

private:
    bool _given = false;
    std::string _origin;
};

// One parser and one printer per type; parse returns "" or what was expected.
std::string parseSetting(const std::string& text, std::string& value);
std::string parseSetting(const std::string& text, bool& value);
std::string parseSetting(const std::string& text, std::uint64_t& value);
std::string parseSetting(const std::string& text, Bytes& value);
std::string parseSetting(const std::string& text, std::chrono::milliseconds& value);
std::string parseSetting(const std::string& text, std::vector<std::string>& value);
std::string printSetting(const std::string& value);
std::string printSetting(bool value);
std::string printSetting(std::uint64_t value);
std::string printSetting(Bytes value);
std::string printSetting(std::chrono::milliseconds value);
std::string printSetting(const std::vector<std::string>& value);
const char* settingType(const std::string&);
const char* settingType(bool);
const char* settingType(std::uint64_t);
const char* settingType(Bytes);
const char* settingType(std::chrono::milliseconds);
const char* settingType(const std::vector<std::string>&);

template <class T>
class Setting : public SettingBase {
public:
    Setting(Settings* owner, const char* key, T defaultValue, const char* documentation, bool required = false)
        : SettingBase(owner, {key, settingType(defaultValue), printSetting(defaultValue), documentation, required}),
          _value(std::move(defaultValue)) {}

    const T& get() const { return _value; }
    operator const T&() const { return _value; }
    const T* operator->() const { return &_value; }
    std::string print() const override { return printSetting(_value); }

private:
    std::string parse(const std::string& text) override { return parseSetting(text, _value); }
    T _value;
};

/// The settings of one section, read once while single-threaded and constant afterwards. Unknown keys, values that do
/// not parse and missing required keys are problems.
class Settings {
public:
    Settings() = default;
    virtual ~Settings() = default;
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

    /// Assigns all values and appends what is wrong; `prefix` is put before keys in problems ("route.private.").
    void apply(const std::vector<KeyValue>& values, const std::string& prefix, std::vector<SettingsProblem>& problems);
    std::vector<SettingDescription> describe() const;
    /// All values in force; the origin is empty for a default.
    std::vector<KeyValue> effective() const;

protected:
    /// Called by apply() after all values are set, for rules over several keys.
    virtual void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
        static_cast<void>(prefix);
        static_cast<void>(problems);
    }

private:
    friend class SettingBase;
    std::vector<SettingBase*> _settings;
};

} // namespace wasmproxy
