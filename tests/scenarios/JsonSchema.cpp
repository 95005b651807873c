// SPDX-License-Identifier: Apache-2.0
#include "JsonSchema.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/RegularExpression.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace wasmproxy::test {
namespace {

using Poco::Dynamic::Var;
using Poco::JSON::Array;
using Poco::JSON::Object;

const std::set<std::string> Known{"type",     "required", "properties", "additionalProperties",
                                  "items",    "enum",     "pattern",    "format",
                                  "minimum",  "maximum",  "minItems",   "oneOf",
                                  "default",  "const",    "maxItems",   "description",
                                  "examples", "title",    "$ref"};

std::string typeOf(const Var& value) {
    if (value.isEmpty()) return "null";
    if (value.type() == typeid(Object::Ptr)) return "object";
    if (value.type() == typeid(Array::Ptr)) return "array";
    if (value.isString()) return "string";
    if (value.isBoolean()) return "boolean";
    if (value.isInteger()) return "integer";
    return "number";
}

bool hasType(const YAML::Node& wanted, const std::string& type) {
    if (wanted.IsSequence())
        return std::any_of(wanted.begin(), wanted.end(), [&](const YAML::Node& each) { return hasType(each, type); });
    const auto name = wanted.as<std::string>();
    return name == type || (name == "number" && type == "integer");
}

} // namespace

std::optional<YAML::Node> JsonSchema::member(const YAML::Node& map, const std::string& name) {
    if (!map.IsMap()) return std::nullopt;
    for (const auto& entry : map)
        if (entry.first.as<std::string>() == name) return entry.second;
    return std::nullopt;
}

YAML::Node JsonSchema::resolved(YAML::Node node) const {
    for (int depth = 0; node["$ref"]; ++depth) {
        const auto reference = node["$ref"].as<std::string>();
        if (depth > 10 || reference.rfind("#/", 0) != 0) throw std::runtime_error("cannot follow " + reference);
        YAML::Node found = _document; // an alias: reset() leads it elsewhere and changes nothing
        std::istringstream parts(reference.substr(2));
        for (std::string part; std::getline(parts, part, '/');) {
            const YAML::Node next = std::as_const(found)[part];
            if (!next) throw std::runtime_error("there is no " + reference);
            found.reset(next);
        }
        node.reset(found);
    }
    return node;
}

std::vector<std::string> JsonSchema::problems(const YAML::Node& schema, const Var& value) const {
    Problems problems;
    check(schema, value, "$", problems);
    return problems;
}

void JsonSchema::check(const YAML::Node& given, const Var& value, const std::string& place, Problems& problems) const {
    const auto schema = given["$ref"] ? resolved(given) : given;
    for (const auto& entry : schema)
        if (!Known.count(entry.first.as<std::string>()))
            problems.push_back(place + ": this test does not know the keyword " + entry.first.as<std::string>());
    if (const auto choices = schema["oneOf"]) {
        const bool fits = std::any_of(choices.begin(), choices.end(), [&](const YAML::Node& each) {
            Problems of;
            check(each, value, place, of);
            return of.empty();
        });
        if (!fits) problems.push_back(place + ": fits none of the choices");
    }
    const auto type = typeOf(value);
    if (schema["type"] && !hasType(schema["type"], type)) {
        problems.push_back(place + ": is " + type);
        return;
    }
    if (const auto allowed = schema["enum"];
        allowed && std::none_of(allowed.begin(), allowed.end(),
                                [&](const YAML::Node& each) { return each.as<std::string>() == value.toString(); }))
        problems.push_back(place + ": may not be " + value.toString());
    if (schema["const"] && schema["const"].as<std::string>() != value.toString())
        problems.push_back(place + ": may not be " + value.toString());
    if (type == "object") checkObject(schema, value, place, problems);
    if (type == "array") checkArray(schema, value, place, problems);
    if (type == "string") checkText(schema, value.toString(), place, problems);
    if (type == "integer" || type == "number") checkNumber(schema, value, place, problems);
}

void JsonSchema::checkObject(const YAML::Node& schema, const Var& value, const std::string& place,
                             Problems& problems) const {
    const auto object = value.extract<Object::Ptr>();
    for (const auto& name : schema["required"])
        if (!object->has(name.as<std::string>())) problems.push_back(place + ": lacks " + name.as<std::string>());
    for (const auto& [name, each] : *object) {
        const auto known = schema["properties"] ? JsonSchema::member(schema["properties"], name) : std::nullopt;
        if (known)
            check(*known, each, place + "." + name, problems);
        else if (schema["additionalProperties"] && schema["additionalProperties"].IsMap())
            check(schema["additionalProperties"], each, place + "." + name, problems);
        else if (schema["additionalProperties"] && !schema["additionalProperties"].as<bool>())
            problems.push_back(place + ": has " + name + ", which is not described");
    }
}

void JsonSchema::checkArray(const YAML::Node& schema, const Var& value, const std::string& place,
                            Problems& problems) const {
    const auto array = value.extract<Array::Ptr>();
    if (schema["minItems"] && array->size() < schema["minItems"].as<std::size_t>())
        problems.push_back(place + ": has too few items");
    if (schema["maxItems"] && array->size() > schema["maxItems"].as<std::size_t>())
        problems.push_back(place + ": has too many items");
    if (!schema["items"]) return;
    for (std::size_t i = 0; i < array->size(); ++i)
        check(schema["items"], array->get(static_cast<unsigned>(i)), place + "[" + std::to_string(i) + "]", problems);
}

void JsonSchema::checkText(const YAML::Node& schema, const std::string& text, const std::string& place,
                           Problems& problems) {
    const auto matches = [&](const std::string& pattern) { return Poco::RegularExpression(pattern).match(text, 0, 0); };
    if (schema["pattern"] && !matches(schema["pattern"].as<std::string>()))
        problems.push_back(place + ": does not match its pattern: " + text);
    if (!schema["format"]) return;
    const auto format = schema["format"].as<std::string>();
    const std::string date = "^[0-9]{4}-[01][0-9]-[0-3][0-9]";
    if (format == "date-time" ? !matches(date + "T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]([.][0-9]+)?Z$")
        : format == "date"    ? !matches(date + "$")
                              : format != "binary" && format != "uri")
        problems.push_back(place + ": is no " + format + ": " + text);
}

void JsonSchema::checkNumber(const YAML::Node& schema, const Var& value, const std::string& place, Problems& problems) {
    const auto number = value.convert<double>();
    if ((schema["minimum"] && number < schema["minimum"].as<double>()) ||
        (schema["maximum"] && number > schema["maximum"].as<double>()))
        problems.push_back(place + ": is out of bounds: " + value.toString());
}

} // namespace wasmproxy::test
