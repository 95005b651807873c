// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Host.h"

#include <Poco/Util/Application.h>

#include <functional>
#include <memory>
#include <string>

namespace wasmproxy::host {

/// The command line. The only place that knows Poco's Application.
class HostApplication : public Poco::Util::Application {
public:
    // Exit codes, as sysexits.h has them.
    static constexpr int UsageError = 64;
    static constexpr int Failed = 1;
    static constexpr int SettingsError = 78;

protected:
    void initialize(Poco::Util::Application& self) override;
    void defineOptions(Poco::Util::OptionSet& options) override;
    int main(const std::vector<std::string>& arguments) override;

private:
    void take(const std::string& name, const std::string& value);
    int checkPlugin(const std::string& path);
    int printSettings();
    int withConfiguration();
    int serve(const std::shared_ptr<const Configuration>& configuration, const Host::Source& source,
              const std::function<void()>& ready);
    int help();

    std::string _config;
    std::string _pidFile;
    std::string _plugin;
    std::string _explain;
    std::string _format;
    std::string _mode; ///< the option that says what to do; empty: serve
    bool _daemon = false;
};

} // namespace wasmproxy::host
