// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::host {

class AdminServer;
class ExtensionCatalog;
class ExtensionDirectory;

/// Documents of Extensions that are written through the API: files {name}.json in the extensions' directory, in force
/// when the answer comes.
class ExtensionFileEndpoints {
public:
    /// The directory that is followed now; nullptr: none is set.
    using Directory = std::function<std::shared_ptr<ExtensionDirectory>()>;

    /// `catalog` outlives the server.
    ExtensionFileEndpoints(const ExtensionCatalog& catalog, Directory directory);
    void addTo(AdminServer& server) const;

private:
    struct Document;
    AdminAnswer show(const AdminRequest& request) const;
    AdminAnswer check(const AdminRequest& request) const;
    AdminAnswer put(const AdminRequest& request) const;
    AdminAnswer remove(const AdminRequest& request) const;
    std::shared_ptr<ExtensionDirectory> directory() const;
    void refuseOthers(const std::string& name, const std::string& path) const;
    AdminAnswer problemsOf(const AdminRequest& request, const std::string& path) const;
    AdminAnswer describe(const std::string& name, const std::string& path, const std::string& bytes, int status) const;

    const ExtensionCatalog* _catalog;
    Directory _directory;
    std::shared_ptr<std::mutex> _writing; ///< between the look at what is there and the write
};

} // namespace wasmproxy::host
