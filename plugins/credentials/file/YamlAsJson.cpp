// SPDX-License-Identifier: Apache-2.0
#include "YamlAsJson.h"

#include "wasmproxy/oci/Error.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cstdio>
#include <sstream>
#include <vector>

namespace wasmproxy::file {

namespace {

constexpr std::size_t MaxDepth = 30;

[[noreturn]] void fail(const std::string& path, const YAML::Mark& mark, const std::string& message) {
    throw Error(ErrorCode::CredentialSourceFault, path + ":" + std::to_string(mark.line + 1) + ": " + message,
                "expected YAML or JSON");
}

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
            char escaped[8];
            std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            result += escaped;
        } else {
            result += c;
        }
    }
    return result + "\"";
}

/// What stands as it is in JSON: numbers, true and false. Whatever else is unquoted is text.
bool isJsonWord(const std::string& text) {
    if (text == "true" || text == "false") return true;
    if (text.empty() || text.size() > 15) return false;
    if (text.find_first_not_of("0123456789") != std::string::npos) return false;
    return text.size() == 1 || text.front() != '0';
}

/// Events are streamed, so that nothing is built up that could be deep or refer to itself.
class JsonWriter : public YAML::EventHandler {
public:
    explicit JsonWriter(const std::string& path) : _path(path) {}
    const std::string& text() const { return _text; }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        value(mark, anchor, isKey() ? quoted("null") : "null");
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { fail(_path, mark, "aliases are not read"); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        const bool plain = tag == "?" || tag.empty();
        if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") fail(_path, mark, "tags are not read");
        if (plain && !isKey() && (text == "null" || text == "~")) return value(mark, anchor, "null");
        value(mark, anchor, plain && !isKey() && isJsonWord(text) ? text : quoted(text));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, '[');
    }
    void OnSequenceEnd() override { close(']'); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, '{');
    }
    void OnMapEnd() override { close('}'); }

private:
    struct Level {
        bool map;
        std::size_t count; ///< of scalars and collections; of a map, keys count as well
    };

    bool isKey() const { return !_levels.empty() && _levels.back().map && _levels.back().count % 2 == 0; }
    void separate(const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (anchor != 0) fail(_path, mark, "anchors are not read");
        if (_levels.empty()) return;
        Level& level = _levels.back();
        if (level.map && level.count % 2 == 1)
            _text += ':';
        else if (level.count != 0)
            _text += ',';
        ++level.count;
    }
    void value(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& json) {
        separate(mark, anchor);
        _text += json;
    }
    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, char bracket) {
        if (isKey()) fail(_path, mark, "a key must be text");
        if (tag != "?" && !tag.empty() && tag != "!") fail(_path, mark, "tags are not read");
        if (_levels.size() == MaxDepth) fail(_path, mark, "nested too deep");
        separate(mark, anchor);
        _text += bracket;
        _levels.push_back({bracket == '{', 0});
    }
    void close(char bracket) {
        _text += bracket;
        _levels.pop_back();
    }

    const std::string& _path;
    std::string _text;
    std::vector<Level> _levels;
};

} // namespace

std::string yamlAsJson(std::string_view text, const std::string& path) {
    JsonWriter writer(path);
    JsonWriter rest(path);
    std::istringstream in{std::string(text)};
    try {
        YAML::Parser parser(in);
        parser.HandleNextDocument(writer);
        if (writer.text().empty())
            throw Error(ErrorCode::CredentialSourceFault, path + " is empty", "expected YAML or JSON");
        if (parser.HandleNextDocument(rest) && !rest.text().empty())
            throw Error(ErrorCode::CredentialSourceFault, path + " holds more than one document", "keep one of them");
    } catch (const YAML::Exception& error) {
        fail(path, error.mark, "not valid YAML: " + error.msg);
    }
    return writer.text();
}

} // namespace wasmproxy::file
