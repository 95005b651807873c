// SPDX-License-Identifier: Apache-2.0
#include "SeamChecks.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/PluginNoteReader.h"
#include "wasmproxy/testing/CacheStoreSuite.h"
#include "wasmproxy/testing/CredentialSourceSuite.h"
#include "wasmproxy/testing/RegistryBackendSuite.h"
#include "wasmproxy/testing/TestServices.h"

#include <set>
#include <string_view>

namespace wasmproxy::tools {

using testing::Finding;

namespace {

/// As the host makes one: fresh settings, all problems of them together, then the instance.
template <class Seam>
std::unique_ptr<Seam> make(const ComponentFactory& factory, const std::vector<KeyValue>& values, HostServices& host) {
    auto settings = factory.settings();
    std::vector<SettingsProblem> problems;
    settings->apply(values, "", problems);
    std::string text;
    for (const auto& problem : problems)
        text += (text.empty() ? "" : "; ") + problem.key + ": " + problem.message;
    if (!text.empty()) throw Error(ErrorCode::SettingsInvalid, text, "give settings as --set key=value");
    return std::unique_ptr<Seam>(static_cast<Seam*>(factory.create(host, std::move(settings)).release()));
}

std::vector<Finding> checkStore(const ComponentFactory& factory, const CheckArguments& arguments) {
    testing::TestServices host;
    testing::CacheStoreOptions options;
    options.persistent = arguments.persistent;
    if (arguments.bigBlob != 0) options.bigBlob = arguments.bigBlob;
    return testing::checkCacheStore([&](HostServices& h) { return make<CacheStore>(factory, arguments.settings, h); },
                                    host, options);
}

std::vector<Finding> checkBackend(const ComponentFactory& factory, const CheckArguments& arguments) {
    testing::RegistryBackendOptions options;
    if (!arguments.host.empty()) options.host = arguments.host;
    if (!arguments.origin.empty()) options.origin = arguments.origin;
    if (!arguments.path.empty()) options.path = arguments.path;
    return testing::checkRegistryBackend(
        [&](HostServices& h) { return make<RegistryBackend>(factory, arguments.settings, h); }, options);
}

Repository repository(const std::string& option, const std::string& text) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) {
        throw Error(ErrorCode::SettingsInvalid, option + "=" + text + ": write a registry host and a path, host/path");
    }
    return Repository(text.substr(0, slash), text.substr(slash + 1));
}

std::vector<Finding> checkSource(const ComponentFactory& factory, const CheckArguments& arguments) {
    testing::TestServices host;
    testing::CredentialSourceOptions options;
    options.present = repository("--present", arguments.present);
    options.absent = repository("--absent", arguments.absent);
    if (!arguments.username.empty()) options.expectedUsername = arguments.username;
    return testing::checkCredentialSource(
        [&](HostServices& h) { return make<CredentialSource>(factory, arguments.settings, h); }, host, options);
}

} // namespace

std::vector<Finding> checkSettings(const ComponentFactory& factory) {
    const auto descriptions = factory.settings()->describe();
    std::string badKeys, undocumented, twice;
    std::set<std::string> seen;
    for (const auto& setting : descriptions) {
        if (!isPluginName(setting.key)) badKeys += " '" + setting.key + "'";
        if (setting.description.empty()) undocumented += " " + setting.key;
        if (!seen.insert(setting.key).second) twice += " " + setting.key;
    }
    std::vector<SettingsProblem> problems;
    factory.settings()->apply({{"no-such-key-of-any-plugin", "x", "check"}}, "", problems);
    bool refused = false;
    for (const auto& problem : problems)
        refused = refused || problem.key == "no-such-key-of-any-plugin";

    const auto finding = [](const char* name, const std::string& wrong) {
        return Finding{name, wrong.empty(), wrong.empty() ? "" : "wrong:" + wrong};
    };
    return {
        finding("settings: keys are lower-case letters, digits and '-'", badKeys),
        finding("settings: each is documented", undocumented),
        finding("settings: no key twice", twice),
        finding("settings: an unknown key is a problem", refused ? "" : " it was taken"),
    };
}

std::vector<Finding> checkSeam(const ComponentFactory& factory, const CheckArguments& arguments) {
    const std::string_view seam = factory.seam();
    try {
        if (seam == RegistryBackend::Seam) return checkBackend(factory, arguments);
        if (seam == CacheStore::Seam) return checkStore(factory, arguments);
        if (seam == CredentialSource::Seam) return checkSource(factory, arguments);
    } catch (const Error& e) {
        return {{"options of the suite", false, e.what()}};
    }
    return {{"suite", false, "this tool knows no suite for " + std::string(seam)}};
}

} // namespace wasmproxy::tools
