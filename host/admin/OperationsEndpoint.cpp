// SPDX-License-Identifier: Apache-2.0
#include "admin/OperationsEndpoint.h"

#include "admin/AdminServer.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

namespace wasmproxy::host {

void OperationsEndpoint::addTo(AdminServer& server) const {
    server.add({"GET", "/api/v1", AdminRole::Read, [&server](const AdminRequest&) {
                    Poco::JSON::Array items;
                    for (const auto& operation : server.operations()) {
                        Poco::JSON::Object item(Poco::JSON_PRESERVE_KEY_ORDER);
                        item.set("method", operation.method);
                        item.set("path", operation.path);
                        item.set("role", operation.role == AdminRole::Read ? "read" : "operate");
                        items.add(item);
                    }
                    Poco::JSON::Object body;
                    body.set("items", items);
                    return AdminAnswer::json(body);
                }});
}

} // namespace wasmproxy::host
