// SPDX-License-Identifier: Apache-2.0
// What the host's executable does for --check-plugin=FILE and --check-plugin-fd=N, alone.
#include "loading/PluginCatalog.h"
#include "wasmproxy/oci/Error.h"

#include <cstdlib>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    const std::string option = argc == 2 ? argv[1] : "";
    const std::string file = "--check-plugin=", descriptor = "--check-plugin-fd=";
    std::string path;
    if (option.rfind(file, 0) == 0) path = option.substr(file.size());
    if (option.rfind(descriptor, 0) == 0) path = "/proc/self/fd/" + option.substr(descriptor.size());
    if (path.empty()) {
        std::cerr << "usage: plugin_checker --check-plugin=FILE | --check-plugin-fd=N\n";
        return 2;
    }
    int code = 0;
    try {
        const auto state = wasmproxy::host::PluginCatalog::check(path);
        std::cout << state.id << ' ' << state.version << '\n';
        for (const auto& component : state.components)
            std::cout << "  " << component << '\n';
    } catch (const wasmproxy::Error& e) {
        std::cout << e.what() << (e.hint().empty() ? "" : "; ") << e.hint() << '\n';
        code = 1;
    }
    std::cout.flush();
    std::_Exit(code); // the plugin's static destructors are not what is checked
}
