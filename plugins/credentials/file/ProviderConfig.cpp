// SPDX-License-Identifier: Apache-2.0
#include "ProviderConfig.h"

#include "GoDuration.h"
#include "YamlAsJson.h"
#include "wasmproxy/credentials/DockerConfig.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include <algorithm>
#include <set>

namespace wasmproxy::file {

namespace {

constexpr std::size_t MaxProviders = 100;

void allowOnly(const StrictJson& object, const std::set<std::string>& keys) {
    if (!object.isObject()) object.fail("an object");
    for (const auto& [key, value] : object.members())
        if (!keys.count(key)) value.fail("left out: it is not known");
}

std::vector<StrictJson> itemsOf(const StrictJson& object, const char* key) {
    const auto list = object.find(key);
    if (!list) return {};
    if (!list->isArray()) list->fail("a list");
    return list->items();
}

void requireText(const StrictJson& object, const char* key, const std::string& expected) {
    const StrictJson value = object.at(key);
    if (value.asString() != expected) value.fail("\"" + expected + "\"");
}

std::vector<RegistryPattern> readImages(const StrictJson& provider) {
    std::vector<RegistryPattern> result;
    for (const StrictJson& item : itemsOf(provider, "matchImages")) {
        auto pattern = RegistryPattern::parse(item.asString());
        if (!pattern) item.fail("host[:port][/path]");
        result.push_back(std::move(*pattern));
    }
    if (result.empty()) provider.at("matchImages").fail("a list that is not empty");
    return result;
}

std::vector<std::string> readEnvironment(const StrictJson& provider) {
    std::vector<std::string> result;
    for (const StrictJson& item : itemsOf(provider, "env")) {
        allowOnly(item, {"name", "value"});
        const std::string name = item.at("name").asString();
        if (name.empty() || name.find('=') != std::string::npos) item.at("name").fail("the name of a variable");
        result.push_back(name + "=" + item.stringOr("value", ""));
    }
    return result;
}

CredentialProvider readProvider(const StrictJson& item) {
    if (const auto attributes = item.find("tokenAttributes"))
        attributes->fail("left out: the tokens of service accounts are the kubelet's to give, for pods; wasm-proxy has "
                         "none");
    allowOnly(item, {"name", "matchImages", "defaultCacheDuration", "apiVersion", "args", "env", "tokenAttributes"});
    CredentialProvider result;
    result.name = item.at("name").asString();
    if (!isHelperName(result.name) || result.name == "." || result.name == "..")
        item.at("name").fail("the name of a program, without a path");
    requireText(item, "apiVersion", ProviderApiVersion);
    result.images = readImages(item);
    const StrictJson duration = item.at("defaultCacheDuration");
    const auto parsed = parseGoDuration(duration.asString());
    if (!parsed) duration.fail("a duration such as \"12h\" or \"0s\"");
    result.defaultCacheDuration = *parsed;
    for (const StrictJson& argument : itemsOf(item, "args"))
        result.arguments.push_back(argument.asString());
    result.environment = readEnvironment(item);
    return result;
}

} // namespace

bool CredentialProvider::knows(const Repository& repository) const {
    return std::any_of(images.begin(), images.end(), [&](const auto& image) { return image.matches(repository); });
}

std::vector<CredentialProvider> parseProviderConfig(std::string_view text, const std::string& path) {
    const StrictJson document = StrictJson::parse(yamlAsJson(text, path), path, ErrorCode::CredentialSourceFault);
    allowOnly(document, {"kind", "apiVersion", "providers"});
    requireText(document, "kind", "CredentialProviderConfig");
    requireText(document, "apiVersion", "kubelet.config.k8s.io/v1");
    std::vector<CredentialProvider> result;
    std::set<std::string> names;
    const StrictJson providers = document.at("providers");
    for (const StrictJson& item : itemsOf(document, "providers")) {
        result.push_back(readProvider(item));
        if (!names.insert(result.back().name).second) item.at("name").fail("unique");
    }
    if (result.empty() || result.size() > MaxProviders)
        providers.fail("a list of 1 to " + std::to_string(MaxProviders));
    return result;
}

} // namespace wasmproxy::file
