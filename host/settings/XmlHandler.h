// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings/DocumentBuilder.h"

#include <Poco/SAX/DefaultHandler.h>

#include <string>

namespace wasmproxy::host {

/// Turns <wasm-proxy><route name="private"><match>…</match></route></wasm-proxy> into sections and values. Throws
/// nothing: its callers are C callbacks of the parser. Elements that are too deep are counted and otherwise ignored.
class XmlHandler : public Poco::XML::DefaultHandler {
public:
    explicit XmlHandler(DocumentBuilder& builder) : _builder(builder) {}

    void setDocumentLocator(const Poco::XML::Locator* locator) override { _locator = locator; }
    void startElement(const Poco::XML::XMLString& uri, const Poco::XML::XMLString& localName,
                      const Poco::XML::XMLString& name, const Poco::XML::Attributes& attributes) override;
    void endElement(const Poco::XML::XMLString& uri, const Poco::XML::XMLString& localName,
                    const Poco::XML::XMLString& name) override;
    void characters(const Poco::XML::XMLChar text[], int start, int length) override;
    void processingInstruction(const Poco::XML::XMLString& target, const Poco::XML::XMLString& text) override;

private:
    void startSection(const std::string& kind, const Poco::XML::Attributes& attributes);
    void refuseAttributes(const std::string& element, const Poco::XML::Attributes& attributes);
    std::size_t line() const;

    DocumentBuilder& _builder;
    const Poco::XML::Locator* _locator = nullptr;
    std::size_t _depth = 0;
    std::string _text;
    std::size_t _keyLine = 0;
    bool _strayText = false; ///< said once per file, not once per piece
    bool _tooDeep = false;
};

} // namespace wasmproxy::host
