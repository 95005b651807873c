// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Dynamic/Var.h>
#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// Holds JSON against the schemas of an OpenAPI document: the part of JSON Schema that ours uses. A keyword that it
/// does not know is a problem, so that nothing is thought to be checked that is not.
class JsonSchema {
public:
    explicit JsonSchema(YAML::Node document) : _document(std::move(document)) {}

    /// What is wrong with `value`, each with its place; empty: nothing.
    std::vector<std::string> problems(const YAML::Node& schema, const Poco::Dynamic::Var& value) const;
    /// nullopt: there is none.
    static std::optional<YAML::Node> member(const YAML::Node& map, const std::string& name);
    /// Behind a `$ref`, however many.
    YAML::Node resolved(YAML::Node node) const;

private:
    using Problems = std::vector<std::string>;
    void check(const YAML::Node& schema, const Poco::Dynamic::Var& value, const std::string& place,
               Problems& problems) const;
    void checkObject(const YAML::Node& schema, const Poco::Dynamic::Var& value, const std::string& place,
                     Problems& problems) const;
    void checkArray(const YAML::Node& schema, const Poco::Dynamic::Var& value, const std::string& place,
                    Problems& problems) const;
    static void checkText(const YAML::Node& schema, const std::string& text, const std::string& place,
                          Problems& problems);
    static void checkNumber(const YAML::Node& schema, const Poco::Dynamic::Var& value, const std::string& place,
                            Problems& problems);

    YAML::Node _document;
};

} // namespace wasmproxy::test
