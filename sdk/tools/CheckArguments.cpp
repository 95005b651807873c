// SPDX-License-Identifier: Apache-2.0
#include "CheckArguments.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::tools {

namespace {

Error wrong(const std::string& message) {
    return Error(ErrorCode::SettingsInvalid, message, CheckArguments::usage());
}

} // namespace

const char* CheckArguments::usage() {
    return R"(usage: wasmproxy-plugin-check [options] FILE.so

Reads the plugin's note, opens it, lists its components and their settings, makes an instance of each and runs the
conformance suite of its seam. Prints a line per check; exits with 0 if all passed, 1 if not, 2 on wrong usage.
Run it on your own plugins only: opening a library runs its code.

  --list               list components and settings, run no suite
  --component=NAME     only the component of that name
  --set KEY=VALUE      a setting of the component, as in its section of the configuration; may be repeated

registry backends (checked against registries in memory, never over the network)
  --host=HOST          of a registry as it stands in references; default: registry.example.com
  --origin=URL         where the backend must then look for its API; default: https://registry.example.com
  --path=PATH          of a repository there, the same in references and at the API; default: team/authz
credential sources
  --present=REPOSITORY a repository (host/path) that the source has a credential for; required
  --absent=REPOSITORY  one that it has none for; default: registry.invalid/absent/repository
  --username=NAME      expected of the best credential for the first
cache stores
  --not-persistent     blobs need not outlive the instance
  --big-blob=SIZE      how large a blob is stored: 64MiB
)";
}

CheckArguments CheckArguments::parse(int count, char** arguments) {
    CheckArguments parsed;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        const auto equals = argument.find('=');
        std::string name = argument.substr(0, equals);
        std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
        const bool separate = equals == std::string::npos; // "--set key=value" beside "--set=key=value"
        const auto take = [&](std::string& into) {
            if (separate && i + 1 == count) throw wrong(name + " needs a value");
            into = separate ? arguments[++i] : value;
        };
        if (name.rfind("--", 0) != 0) {
            if (!parsed.file.empty()) throw wrong("two files are given: " + parsed.file + " and " + argument);
            parsed.file = argument;
        } else if (argument == "--list") {
            parsed.list = true;
        } else if (argument == "--not-persistent") {
            parsed.persistent = false;
        } else if (name == "--component") {
            take(parsed.component);
        } else if (name == "--host") {
            take(parsed.host);
        } else if (name == "--origin") {
            take(parsed.origin);
        } else if (name == "--path") {
            take(parsed.path);
        } else if (name == "--present") {
            take(parsed.present);
        } else if (name == "--absent") {
            take(parsed.absent);
        } else if (name == "--username") {
            take(parsed.username);
        } else if (name == "--big-blob") {
            std::string text;
            take(text);
            Bytes bytes;
            if (const auto expected = parseSetting(text, bytes); !expected.empty()) {
                throw wrong("--big-blob=" + text + ": " + expected);
            }
            parsed.bigBlob = bytes.value;
        } else if (name == "--set") {
            std::string text;
            take(text);
            const auto at = text.find('=');
            if (at == std::string::npos || at == 0) throw wrong("--set " + text + ": write key=value");
            parsed.settings.push_back({text.substr(0, at), text.substr(at + 1), "--set"});
        } else {
            throw wrong("there is no option " + argument);
        }
    }
    if (parsed.file.empty()) throw wrong("no file is given");
    return parsed;
}

} // namespace wasmproxy::tools
