// SPDX-License-Identifier: Apache-2.0
#include "settings/DocumentBuilder.h"
#include "settings/SettingsDocument.h"
#include "settings/XmlHandler.h"

#include <Poco/SAX/SAXException.h>
#include <Poco/SAX/SAXParser.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

/// Where a declaration begins that is neither a comment nor CDATA; npos: nowhere. Refused before the parser sees any of
/// it, since entities could grow there, and since its callbacks must not throw.
std::size_t findDeclaration(const std::string& text) {
    for (std::size_t at = text.find("<!"); at != std::string::npos; at = text.find("<!", at)) {
        const bool comment = text.compare(at, 4, "<!--") == 0;
        const bool data = text.compare(at, 9, "<![CDATA[") == 0;
        if (!comment && !data) return at;
        const std::size_t end = text.find(comment ? "-->" : "]]>", at + (comment ? 4 : 9));
        if (end == std::string::npos) return std::string::npos; // not closed: the parser says so
        at = end;
    }
    return std::string::npos;
}

} // namespace

SettingsDocument readXml(const std::string& text, const std::string& file, std::vector<SettingsProblem>& problems) {
    DocumentBuilder builder(file, problems);
    if (text.size() > MaxSettingsBytes) {
        builder.problem(0, "", "the file is larger than 1 MiB");
        return {};
    }
    if (text.find('\0') != std::string::npos) { // also UTF-16, in which a declaration could hide
        builder.problem(0, "", "the file is not UTF-8 text");
        return {};
    }
    if (const std::size_t at = findDeclaration(text); at != std::string::npos) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
        builder.problem(static_cast<std::size_t>(line), "", "a document type or another declaration is not allowed");
        return {};
    }
    XmlHandler handler(builder);
    try {
        Poco::XML::SAXParser parser("UTF-8"); // whatever the file claims
        parser.setFeature(Poco::XML::XMLReader::FEATURE_NAMESPACES, false);
        parser.setFeature(Poco::XML::XMLReader::FEATURE_EXTERNAL_GENERAL_ENTITIES, false);
        parser.setFeature(Poco::XML::XMLReader::FEATURE_EXTERNAL_PARAMETER_ENTITIES, false);
        parser.setContentHandler(&handler);
        parser.parseMemoryNP(text.data(), text.size());
    } catch (const Poco::XML::SAXParseException& e) {
        builder.problem(static_cast<std::size_t>(std::max(e.getLineNumber(), 0)), "",
                        "not well-formed XML: " + e.message());
    } catch (const Poco::Exception& e) {
        builder.problem(0, "", "not well-formed XML: " + e.displayText());
    }
    return builder.take();
}

} // namespace wasmproxy::host
