// SPDX-License-Identifier: Apache-2.0
#include "extensions/DocumentText.h"

#include "wasmproxy/oci/Error.h"

#include <Poco/UTF8Encoding.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <map>
#include <set>
#include <streambuf>

namespace wasmproxy::host {

namespace {

using Kind = DocumentNode::Kind;

bool isMarker(std::string_view line, std::string_view marker) {
    if (line.substr(0, 3) != marker) return false;
    return line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r';
}

bool isNumber(std::string_view text) {
    const auto digits = [&] {
        const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(end);
        return end != 0;
    };
    if (!text.empty() && text.front() == '-') text.remove_prefix(1);
    const bool zero = !text.empty() && text.front() == '0';
    const std::size_t before = text.size();
    if (!digits() || (zero && before - text.size() > 1)) return false;
    if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        if (!digits()) return false;
    }
    if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
        text.remove_prefix(1);
        if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
        if (!digits()) return false;
    }
    return text.empty();
}

/// YAML's core schema, without the numbers that JSON does not write.
DocumentNode plainScalar(const std::string& text) {
    DocumentNode node;
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return node;
    node.text = text;
    node.kind = Kind::Text;
    if (isNumber(text)) node.kind = Kind::Number;
    for (const char* word : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
        if (text != word) continue;
        node.kind = Kind::Boolean;
        node.text = text[0] == 't' || text[0] == 'T' ? "true" : "false";
    }
    return node;
}

/// Builds the tree from the parser's events: the library's own nodes expand aliases by reference and merge keys.
class TreeBuilder : public YAML::EventHandler {
public:
    TreeBuilder(DocumentBudget& budget, std::size_t firstLine) : _budget(budget), _firstLine(firstLine) {}

    DocumentNode take() { return std::move(_root); }
    std::size_t line(const YAML::Mark& mark) const {
        return _firstLine + static_cast<std::size_t>(std::max(mark.line, 0));
    }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (wantsKey()) fail(mark, "a key must be a text");
        charge(mark, {});
        place(mark, anchor, {});
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (wantsKey()) fail(mark, "a key must be a text");
        const auto found = _anchors.find(anchor);
        if (found == _anchors.end()) fail(mark, "an alias to something that is not complete yet");
        charge(mark, found->second);
        place(mark, 0, found->second);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        // A key is a text however it looks.
        if (wantsKey()) return key(mark, value);
        DocumentNode node;
        if (tag == "?" || tag.empty()) {
            node = plainScalar(value);
        } else if (tag == "!" || tag == "tag:yaml.org,2002:str") {
            node.kind = Kind::Text;
            node.text = value;
        } else {
            fail(mark, "tags such as " + quotedStart(tag) + " have no meaning here");
        }
        charge(mark, node);
        place(mark, anchor, std::move(node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Kind::List);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Kind::Map);
    }
    void OnMapEnd() override { close(); }

private:
    struct Open {
        DocumentNode node;
        YAML::Mark mark;
        YAML::anchor_t anchor = 0;
        bool hasKey = false; // the last member's value is to come
        std::set<std::string> keys;
    };

    [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) const {
        throw Error(ErrorCode::SettingsInvalid, "line " + std::to_string(line(mark)) + ": " + message);
    }

    void key(const YAML::Mark& mark, const std::string& text) {
        Open& map = _open.back();
        DocumentNode counted;
        counted.text = text;
        charge(mark, counted);
        if (!map.keys.insert(text).second) fail(mark, "the key " + quotedStart(text) + " stands twice");
        map.node.members.emplace_back(text, DocumentNode());
        map.hasKey = true;
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Kind kind) {
        if (!tag.empty() && tag != "?" && tag != "!")
            fail(mark, "tags such as " + quotedStart(tag) + " have no meaning here");
        if (wantsKey()) fail(mark, "a key must be a text");
        if (_open.size() >= DocumentBudget::Depth) fail(mark, "it is nested more than 64 deep");
        Open opened;
        opened.node.kind = kind;
        charge(mark, opened.node);
        opened.mark = mark;
        opened.anchor = anchor;
        _open.push_back(std::move(opened));
    }

    void close() {
        Open closed = std::move(_open.back());
        _open.pop_back();
        place(closed.mark, closed.anchor, std::move(closed.node));
    }

    bool wantsKey() const { return !_open.empty() && _open.back().node.kind == Kind::Map && !_open.back().hasKey; }

    void charge(const YAML::Mark& mark, const DocumentNode& node) {
        try {
            _budget.take(node, _open.size());
        } catch (const Error& e) {
            fail(mark, e.what());
        }
    }

    void place(const YAML::Mark& mark, YAML::anchor_t anchor, DocumentNode node) {
        if (anchor != 0) {
            charge(mark, node); // it is kept twice
            _anchors[anchor] = node;
        }
        if (_open.empty()) {
            _root = std::move(node);
        } else if (Open& outer = _open.back(); outer.node.kind == Kind::List) {
            outer.node.items.push_back(std::move(node));
        } else {
            outer.node.members.back().second = std::move(node);
            outer.hasKey = false;
        }
    }

    DocumentBudget& _budget;
    const std::size_t _firstLine;
    std::vector<Open> _open;
    std::map<YAML::anchor_t, DocumentNode> _anchors;
    DocumentNode _root;
};

/// The library passes broken UTF-8 on, and takes a NUL for a sign of UTF-16.
void requireUtf8(std::string_view text) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    for (const auto* const end = at + text.size(); at != end;) {
        const int size = *at == 0 ? 0 : *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
        if (size == 0 || size > end - at || (size > 1 && !Poco::UTF8Encoding::isLegal(at, size)))
            throw Error(ErrorCode::SettingsInvalid, "it is not UTF-8, or has a NUL character");
        at += size;
    }
}

/// Reads memory in place.
class ViewBuffer : public std::streambuf {
public:
    explicit ViewBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data()); // only read
        setg(begin, begin, begin + text.size());
    }
};

} // namespace

std::vector<YamlPart> splitYaml(std::string_view stream) {
    std::vector<YamlPart> parts;
    std::size_t begin = 0;
    std::size_t firstLine = 1;
    bool content = false;
    const auto finish = [&](std::size_t end) {
        if (content) parts.push_back({stream.substr(begin, end - begin), firstLine});
        content = false;
    };
    std::size_t number = 1;
    for (std::size_t at = 0; at < stream.size(); ++number) {
        const std::size_t end = std::min(stream.find('\n', at), stream.size());
        const auto line = stream.substr(at, end - at);
        const bool starts = isMarker(line, "---");
        if (starts || isMarker(line, "...")) {
            finish(at);
            // Directives, which stand before the marker, are left out: none means anything here.
            begin = starts ? at : end;
            firstLine = starts ? number : number + 1;
        }
        const auto rest = starts ? line.substr(3) : line;
        const auto first = rest.find_first_not_of(" \t\r");
        if (first != std::string_view::npos && rest[first] != '#' && !isMarker(line, "...")) {
            if (!content && !starts && line.front() == '%') {
                begin = std::min(end + 1, stream.size());
                firstLine = number + 1;
            } else {
                content = true;
            }
        }
        at = end + 1;
    }
    finish(stream.size());
    return parts;
}

DocumentNode readYaml(const YamlPart& part, DocumentBudget& budget) {
    requireUtf8(part.text);
    ViewBuffer buffer(part.text);
    std::istream in(&buffer);
    TreeBuilder builder(budget, part.line);
    try {
        YAML::Parser parser(in);
        parser.HandleNextDocument(builder);
        return builder.take();
    } catch (const YAML::Exception& e) {
        throw Error(ErrorCode::SettingsInvalid,
                    "line " + std::to_string(builder.line(e.mark)) + ": not YAML: " + e.msg);
    }
}

} // namespace wasmproxy::host
