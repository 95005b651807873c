// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/ComponentFactory.h"

#include <Poco/SharedLibrary.h>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy {

/// A plugin whose code runs in this process, for the host and for tools. Read and judge its note first. One thread.
/// The library stays open for the life of the process, whatever happens to this object.
class PluginLibrary {
public:
    /// Opens the library at `path`, absolute; `file` names it in errors. Throws Error{PluginFault}.
    PluginLibrary(const std::string& path, const std::string& file);

    /// A fresh factory for each component. Throws Error{PluginFault}: no manifest, an unknown seam, a bad name, two
    /// components of the same seam and name, whatever the plugin's code throws.
    std::vector<std::unique_ptr<ComponentFactory>> makeFactories();

private:
    Poco::SharedLibrary _library;
    std::string _file;
};

/// "registry-backend oci": what operators see.
std::string componentTitle(const ComponentFactory& factory);

} // namespace wasmproxy
