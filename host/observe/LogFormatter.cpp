// SPDX-License-Identifier: Apache-2.0
#include "observe/LogFormatter.h"

#include "observe/LogText.h"

#include <Poco/DateTimeFormatter.h>
#include <Poco/Message.h>

namespace wasmproxy::host {
namespace {

const char* levelName(Poco::Message::Priority priority) {
    if (priority <= Poco::Message::PRIO_ERROR) return "error";
    if (priority == Poco::Message::PRIO_WARNING) return "warning";
    if (priority <= Poco::Message::PRIO_INFORMATION) return "information";
    return "debug";
}

} // namespace

void LogFormatter::addField(Poco::Message& message, std::size_t position, const char* key, const std::string& value) {
    message.set("key" + std::to_string(position), key);
    message.set("value" + std::to_string(position), value);
}

void LogFormatter::format(const Poco::Message& message, std::string& line) {
    const bool json = _style == Style::Json;
    const std::string time = Poco::DateTimeFormatter::format(message.getTime(), "%Y-%m-%dT%H:%M:%S.%iZ");
    const char* level = levelName(message.getPriority());
    if (json) {
        line = "{\"time\":\"" + time + "\",\"level\":\"" + level + "\",\"message\":" + escapeLogJson(message.getText());
    } else {
        line = time + ' ' + level + ' ' + escapeLogText(message.getText(), false);
    }
    for (std::size_t position = 0; message.has("key" + std::to_string(position)); ++position) {
        const std::string& key = message.get("key" + std::to_string(position));
        const std::string& value = message.get("value" + std::to_string(position));
        if (json) {
            line += ',' + escapeLogJson(key) + ':' + escapeLogJson(value);
        } else {
            line += ' ' + escapeLogText(key, false) + '=' + escapeLogText(value, needsLogQuotes(value));
        }
    }
    if (json) line += '}';
}

} // namespace wasmproxy::host
