// SPDX-License-Identifier: Apache-2.0
#include "settings/XmlHandler.h"

#include <Poco/SAX/Attributes.h>
#include <Poco/SAX/Locator.h>

namespace wasmproxy::host {
namespace {

constexpr std::size_t RootDepth = 1;
constexpr std::size_t SectionDepth = 2;
constexpr std::size_t KeyDepth = 3;
const char* const Root = "wasm-proxy";

} // namespace

std::size_t XmlHandler::line() const {
    return _locator != nullptr ? static_cast<std::size_t>(_locator->getLineNumber()) : 0;
}

void XmlHandler::startElement(const Poco::XML::XMLString&, const Poco::XML::XMLString&,
                              const Poco::XML::XMLString& name, const Poco::XML::Attributes& attributes) {
    switch (++_depth) {
    case RootDepth:
        if (name != Root) _builder.problem(line(), "", "the outermost element must be <wasm-proxy>");
        refuseAttributes(name, attributes);
        break;
    case SectionDepth:
        startSection(name, attributes);
        break;
    case KeyDepth:
        _text.clear();
        _keyLine = line();
        refuseAttributes(name, attributes);
        break;
    default:
        if (!_tooDeep) _builder.problem(line(), "", "an element inside a key: a key holds text only");
        _tooDeep = true;
    }
}

void XmlHandler::endElement(const Poco::XML::XMLString&, const Poco::XML::XMLString&,
                            const Poco::XML::XMLString& name) {
    if (_depth-- == KeyDepth) _builder.value(name, DocumentBuilder::trim(_text), _keyLine);
}

void XmlHandler::characters(const Poco::XML::XMLChar text[], int start, int length) {
    const std::string piece(text + start, static_cast<std::size_t>(length));
    if (_depth >= KeyDepth) {
        _text += piece;
    } else if (!_strayText && !DocumentBuilder::trim(piece).empty()) {
        _strayText = true;
        _builder.problem(line(), "", "text outside of a key; write <key>value</key> inside a section");
    }
}

void XmlHandler::processingInstruction(const Poco::XML::XMLString&, const Poco::XML::XMLString&) {
    _builder.problem(line(), "", "processing instructions are not allowed");
}

void XmlHandler::startSection(const std::string& kind, const Poco::XML::Attributes& attributes) {
    std::string name;
    bool named = false;
    for (int i = 0; i < attributes.getLength(); ++i) {
        if (attributes.getQName(i) == "name") {
            name = attributes.getValue(i);
            named = true;
        } else {
            _builder.problem(line(), kind, "an attribute other than `name` is not allowed here");
        }
    }
    if (named && name.empty()) {
        _builder.wrongSection(line(), "the attribute `name` is empty");
    } else {
        _builder.section(kind, name, line());
    }
}

void XmlHandler::refuseAttributes(const std::string& element, const Poco::XML::Attributes& attributes) {
    if (attributes.getLength() > 0) _builder.problem(line(), element, "attributes are not allowed here");
}

} // namespace wasmproxy::host
