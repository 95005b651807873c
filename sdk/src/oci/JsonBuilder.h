// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "JsonNode.h"

#include <Poco/JSON/Handler.h>

namespace wasmproxy {

/// Builds Nodes from Poco's parser events. Poco checks the grammar and UTF-8; what it gets wrong is guarded here:
/// numbers are taken from the text itself, duplicate keys and NUL are refused, depth and size are bounded.
class StrictJson::Builder : public Poco::JSON::Handler {
public:
    static void read(std::string_view text, const Limits& limits, Document& document);

private:
    Builder(std::vector<std::string_view> numbers, std::size_t depth, Document& document);

    void reset() override {}
    void startObject() override { open(Node::Type::Object); }
    void endObject() override;
    void startArray() override { open(Node::Type::Array); }
    void endArray() override { _open.pop_back(); }
    void key(const std::string& text) override { _open.back()->keys.push_back(text); }
    void null() override { add(Node::Type::Null); }
    void value(int) override { number(); }
    void value(unsigned) override { number(); }
    void value(Poco::Int64) override { number(); }
    void value(Poco::UInt64) override { number(); }
    void value(double) override { number(); }
    void value(bool flag) override { add(Node::Type::Boolean).boolean = flag; }
    void value(const std::string& text) override { add(Node::Type::String).text = text; }

    [[noreturn]] void fail(const std::string& why) const;
    Node& add(Node::Type type);
    void open(Node::Type type);
    void number();

    std::vector<std::string_view> _numbers; // in the order of the text
    std::size_t _nextNumber = 0;
    std::size_t _depth;
    Document& _document;
    std::vector<Node*> _open; // innermost last; no sibling is added while one of these is open
};

} // namespace wasmproxy
