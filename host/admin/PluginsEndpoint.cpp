// SPDX-License-Identifier: Apache-2.0
#include "admin/PluginsEndpoint.h"

#include "admin/AdminServer.h"
#include "admin/Page.h"
#include "admin/TimeText.h"
#include "loading/PluginCatalog.h"

#include <algorithm>
#include <set>

namespace wasmproxy::host {

namespace {

// Less than the listener gives to an answer.
constexpr std::chrono::milliseconds Patience{3000};

struct Row {
    std::string key;
    PluginState state;
};

/// By file, and those of one file as the catalog has them: what it holds first.
std::vector<Row> rowsOf(const PluginCatalog& catalog) {
    std::vector<Row> rows;
    int sameFile = 0;
    for (auto& state : catalog.plugins()) {
        sameFile = rows.empty() || rows.back().state.file != state.file ? 0 : sameFile + 1;
        const auto place = std::to_string(1000 + sameFile);
        rows.push_back({state.file + '\0' + place, std::move(state)});
    }
    return rows;
}

template <class Texts>
Poco::JSON::Array arrayOf(const Texts& texts) {
    Poco::JSON::Array array;
    for (const std::string& text : texts)
        array.add(text);
    return array;
}

Poco::JSON::Object describe(const PluginState& state, const std::vector<PluginsEndpoint::Use>& uses) {
    Poco::JSON::Object plugin(Poco::JSON_PRESERVE_KEY_ORDER);
    plugin.set("file", state.file);
    plugin.set("id", state.id);
    plugin.set("version", state.version);
    plugin.set("state", state.state);
    if (!state.reason.empty()) plugin.set("reason", state.reason);
    if (state.loadedAt) plugin.set("loadedAt", timeText(*state.loadedAt));
    plugin.set("components", arrayOf(state.components));
    std::set<std::string> instances;
    for (const auto& use : uses)
        if (std::find(state.factories.begin(), state.factories.end(), use.factory) != state.factories.end())
            instances.insert(use.instance);
    plugin.set("usedBy", arrayOf(instances));
    return plugin;
}

} // namespace

void PluginsEndpoint::addTo(AdminServer& server) const {
    server.add({"GET", "/api/v1/plugins", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.list(request); }});
    server.add({"POST", "/api/v1/plugins/rescan", AdminRole::Operate,
                [self = *this](const AdminRequest& request) { return self.rescan(request); }});
}

AdminAnswer PluginsEndpoint::list(const AdminRequest& request) const {
    const Page page(request);
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("directory", _catalog->directory());
    if (const auto problem = _catalog->problem(); !problem.empty()) body.set("problem", problem);
    const auto uses = _uses();
    page.write(
        body, rowsOf(*_catalog), [](const Row& row) { return row.key; },
        [&](const Row& row) { return describe(row.state, uses); });
    return AdminAnswer::json(body);
}

AdminAnswer PluginsEndpoint::rescan(const AdminRequest& request) const {
    const bool known = _rescan(Patience);
    auto answer = list(request);
    if (!known) answer.status = 202;
    return answer;
}

} // namespace wasmproxy::host
