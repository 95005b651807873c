// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/PluginLibrary.h"

#include <memory>
#include <string>
#include <vector>

/// The only component of a plugin, made as the host makes it: from the library, by its factory.
class Door {
public:
    explicit Door(const std::string& library)
        : _factory(std::move(wasmproxy::PluginLibrary(library, library).makeFactories().at(0))) {}

    template <class Seam>
    std::unique_ptr<Seam> make(wasmproxy::HostServices& host, const std::vector<wasmproxy::KeyValue>& values) const {
        auto settings = _factory->settings();
        std::vector<wasmproxy::SettingsProblem> problems;
        settings->apply(values, "", problems);
        if (!problems.empty())
            throw wasmproxy::Error(wasmproxy::ErrorCode::SettingsInvalid,
                                   problems.front().key + ": " + problems.front().message);
        return std::unique_ptr<Seam>(static_cast<Seam*>(_factory->create(host, std::move(settings)).release()));
    }

private:
    const std::unique_ptr<wasmproxy::ComponentFactory> _factory;
};
