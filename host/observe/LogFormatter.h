// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Formatter.h>

#include <string>

namespace wasmproxy::host {

/// One line of the log from a Poco message. Fields travel in the message's parameters (a map, so their
/// order is in the names). Messages of Poco's own code pass here too, so everything is escaped here and nowhere else.
class LogFormatter : public Poco::Formatter {
public:
    enum class Style { Text, Json };
    explicit LogFormatter(Style style) : _style(style) {}

    void format(const Poco::Message& message, std::string& line) override;

    static void addField(Poco::Message& message, std::size_t position, const char* key, const std::string& value);

private:
    Style _style;
};

} // namespace wasmproxy::host
