// SPDX-License-Identifier: Apache-2.0
// wasmproxy-plugin-check: what a plugin's author runs before anybody else gets the plugin.
#include "CheckArguments.h"
#include "SeamChecks.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/PluginLibrary.h"
#include "wasmproxy/plugin/PluginNoteReader.h"

#include <climits>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace wasmproxy;
using tools::CheckArguments;

namespace {

std::string bytesOf(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (!in) throw Error(ErrorCode::PluginFault, file + " cannot be read");
    return bytes;
}

std::string realPath(const std::string& file) {
    char path[PATH_MAX];
    if (::realpath(file.c_str(), path) == nullptr) throw Error(ErrorCode::PluginFault, file + " cannot be found");
    return path;
}

void list(const ComponentFactory& factory) {
    std::cout << componentTitle(factory) << '\n';
    for (const auto& setting : factory.settings()->describe()) {
        std::cout << "  " << setting.key << " (" << setting.type;
        if (setting.required)
            std::cout << ", required";
        else if (!setting.defaultValue.empty())
            std::cout << ", default " << setting.defaultValue;
        std::cout << "): " << setting.description << '\n';
    }
}

/// The number of checks that failed.
int print(const std::vector<testing::Finding>& findings) {
    int failed = 0;
    for (const auto& finding : findings) {
        std::cout << (finding.passed ? "  pass  " : "  FAIL  ") << finding.name;
        if (!finding.detail.empty()) std::cout << ": " << finding.detail;
        std::cout << std::endl; // a check that crashes comes after the lines before it
        failed += finding.passed ? 0 : 1;
    }
    return failed;
}

int check(const CheckArguments& arguments) {
    const auto path = realPath(arguments.file);
    const auto identity = readPluginNote(bytesOf(path), arguments.file);
    std::cout << identity.id << ' ' << identity.version << ", revision " << identity.revision << ", "
              << identity.signature << std::endl;
    requireCompatible(identity, arguments.file);
    PluginLibrary library(path, arguments.file);
    const auto factories = library.makeFactories();
    int failed = 0, chosen = 0;
    for (const auto& factory : factories) {
        if (!arguments.component.empty() && arguments.component != factory->name()) continue;
        ++chosen;
        list(*factory);
        if (arguments.list) continue;
        failed += print(tools::checkSettings(*factory));
        failed += print(tools::checkSeam(*factory, arguments));
    }
    if (chosen == 0) throw Error(ErrorCode::PluginFault, arguments.file + " has no component " + arguments.component);
    if (failed != 0) std::cout << failed << " failed\n";
    return failed == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    CheckArguments arguments;
    try {
        arguments = CheckArguments::parse(argc, argv);
    } catch (const Error& e) {
        std::cerr << e.what() << "\n\n" << e.hint();
        return 2;
    }
    try {
        return check(arguments);
    } catch (const Error& e) {
        std::cout << "FAIL  " << e.what() << (e.hint().empty() ? "" : "; ") << e.hint() << '\n';
    } catch (const std::exception& e) {
        std::cout << "FAIL  the plugin threw: " << e.what() << '\n';
    }
    return 1;
}
