// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HostServices.h"

#include <mutex>
#include <string>
#include <vector>

/// A host without a network that keeps what is logged.
class RecordingHost : public wasmproxy::HostServices {
public:
    wasmproxy::HttpTransport& http() override {
        throw wasmproxy::Error(wasmproxy::ErrorCode::Internal, "this plugin needs no network");
    }
    std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::now(); }
    void log(wasmproxy::LogLevel, const std::string& line) noexcept override {
        const std::lock_guard<std::mutex> guard(_mutex);
        _lines.push_back(line);
    }
    std::vector<std::string> take() {
        const std::lock_guard<std::mutex> guard(_mutex);
        return std::exchange(_lines, {});
    }

private:
    std::mutex _mutex;
    std::vector<std::string> _lines;
};
