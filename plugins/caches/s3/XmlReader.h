// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::s3 {

/// What of XML a store's answers are written in: elements, text and the five entities. Everything else that XML has
/// (document types, comments, processing instructions, CDATA) is refused, so nothing can hide or grow in it.
class XmlReader {
public:
    static constexpr std::size_t MaxDepth = 16;

    /// Called at the end of each element: its path ("ListBucketResult/Contents/Key") and its text, which is empty for
    /// one that holds elements.
    using Visitor = std::function<void(const std::string& path, const std::string& text)>;

    /// Throws Error{StorageFault} that says at which byte.
    static void read(std::string_view xml, const Visitor& visitor);

private:
    XmlReader(std::string_view xml, const Visitor& visitor) : _xml(xml), _visitor(visitor) {}
    void run();
    void open(std::string_view tag);
    void close(std::string_view name);
    void text(std::string_view raw);
    std::string_view until(char end, const char* what);
    [[noreturn]] void fail(const std::string& why) const;

    const std::string_view _xml;
    const Visitor& _visitor;
    std::size_t _at = 0;
    std::vector<std::string> _names;
    std::vector<bool> _hasElements;
    std::string _text;
    bool _ended = false;
};

} // namespace wasmproxy::s3
