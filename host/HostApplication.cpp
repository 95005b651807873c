// SPDX-License-Identifier: Apache-2.0
#include "HostApplication.h"

#include "Configuration.h"
#include "Daemon.h"
#include "Explanation.h"
#include "Host.h"
#include "Version.h"
#include "extensions/ExtensionFiles.h"
#include "loading/CheckDeadline.h"
#include "observe/Log.h"
#include "settings/SettingsReference.h"
#include "wasmproxy/plugin/Abi.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/RegistryBackend.h"

#include <Poco/Util/HelpFormatter.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <unistd.h>

extern char** environ;

namespace wasmproxy::host {
namespace {

using Poco::Util::Option;
using Poco::Util::OptionCallback;

std::vector<std::string> environment() {
    std::vector<std::string> all;
    for (char** each = environ; *each; ++each)
        all.emplace_back(*each);
    return all;
}

/// What is wrong with the documents in `directory`: one of them never stops the start, so none is a problem here.
/// Returns how many are good.
std::size_t warnOfExtensions(const std::string& directory) {
    if (directory.empty()) return 0;
    const auto content = ExtensionFiles().read(directory);
    if (!content.problem.empty())
        std::cerr << "warning: extensions.directory: " << directory << " " << content.problem << "\n";
    ExtensionCatalog catalog;
    catalog.replace("directory", content.documents);
    std::size_t good = 0;
    for (const auto& entry : catalog.entries()) {
        for (const auto& problem : entry.document.problems)
            std::cerr << "warning: " << entry.document.origin << ": " << problem.field
                      << (problem.field.empty() ? "" : ": ") << problem.message << "\n";
        if (!entry.document.extension) continue;
        ++good;
        if (const auto why = entry.document.extension->secretIgnored(); !why.empty())
            std::cerr << "warning: " << entry.document.origin << ": spec.imagePullSecret: " << why << "\n";
    }
    return good;
}

/// 0 where none came for a while. main() has blocked them all before any thread began.
int nextSignal() {
    sigset_t set;
    sigemptyset(&set);
    for (const int each : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, each);
    const timespec patience{2, 0};
    const int signal = ::sigtimedwait(&set, nullptr, &patience);
    return signal > 0 ? signal : 0;
}

/// No program that is run inherits a listener, a file or what we were started with. Helpers get none anyway: whoever
/// starts them closes all. This is for others, such as a library's. What Poco and libcurl open later is theirs to mark:
/// connections of the admin and health endpoints and to registries, their pairs of sockets and epolls.
void keepDescriptors() noexcept {
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); // a kernel before 5.11 knows it not
}

} // namespace

void HostApplication::initialize(Poco::Util::Application&) {
    // Nothing of Poco's own start-up: no configuration file beside the program, no logging set up from it.
}

void HostApplication::defineOptions(Poco::Util::OptionSet& options) {
    const auto add = [&](const char* name, const char* description, const char* argument, bool required = true) {
        Option option(name, "", description);
        if (argument) option.argument(argument, required);
        options.addOption(option.callback(OptionCallback<HostApplication>(this, &HostApplication::take)));
    };
    add("config", "the INI or XML file to run with", "FILE");
    add("check-config", "check that file, the environment and the plugins; list every problem", nullptr);
    add("check-plugin", "check one plugin library", "FILE");
    add("check-plugin-fd", "the same for an open descriptor; how the host checks before it loads", "N");
    add("print-settings", "write every setting with its default and meaning, as INI or markdown", "FORMAT", false);
    add("explain", "route, backend, credentials, what the registry says to them, and the module; keeps nothing", "REF");
    add("daemon", "go to the background once ready", nullptr);
    add("pidfile", "write the process id there", "FILE");
    add("version", "show the version and the build signature that plugins must have", nullptr);
    add("help", "show this", nullptr);
}

void HostApplication::take(const std::string& name, const std::string& value) {
    if (name == "config")
        _config = value;
    else if (name == "pidfile")
        _pidFile = value;
    else if (name == "daemon")
        _daemon = true;
    else {
        _mode = name;
        if (name == "check-plugin")
            _plugin = value;
        else if (name == "check-plugin-fd")
            _plugin = "/proc/self/fd/" + value;
        else if (name == "print-settings")
            _format = value;
        else if (name == "explain")
            _explain = value;
    }
}

int HostApplication::main(const std::vector<std::string>& arguments) {
    if (!arguments.empty()) {
        std::cerr << "wasm-proxy: unexpected argument \"" << arguments.front() << "\"; see --help\n";
        return UsageError;
    }
    if (_mode == "help") return help();
    if (_mode == "version") {
        std::cout << "wasm-proxy " << Version << "\nplugins: revision " << PluginNote::Revision << ", "
                  << WASMPROXY_BUILD_SIGNATURE << "\n";
        return 0;
    }
    if (!_plugin.empty()) return checkPlugin(_plugin);
    if (_mode == "print-settings") {
        if (_format.empty() || _format == "ini" || _format == "markdown") return printSettings();
        std::cerr << "wasm-proxy: --print-settings knows ini and markdown, not \"" << _format << "\"\n";
        return UsageError;
    }
    if (_config.empty()) {
        std::cerr << "wasm-proxy: --config=FILE is missing; see --help\n";
        return UsageError;
    }
    return withConfiguration();
}

int HostApplication::help() {
    Poco::Util::HelpFormatter formatter(options());
    formatter.setCommand("wasm-proxy");
    formatter.setUsage("--config=FILE [OPTIONS]");
    formatter.setHeader("Serves WASM modules from private OCI registries to proxies that hold no credential.");
    formatter.setWidth(110);
    formatter.format(std::cout);
    return 0;
}

int HostApplication::checkPlugin(const std::string& path) {
    try {
        // Who checks by descriptor has a deadline for this process.
        std::optional<CheckDeadline> deadline;
        if (_mode == "check-plugin") deadline.emplace(path, std::chrono::seconds(5));
        const auto state = PluginCatalog::check(path);
        std::cout << state.id << " " << state.version << "\n";
        for (const auto& component : state.components)
            std::cout << component << "\n";
        return 0;
    } catch (const Error& error) {
        std::cerr << error.what() << (error.hint().empty() ? "" : "; ") << error.hint() << "\n";
        return Failed;
    }
}

int HostApplication::printSettings() {
    PluginCatalog::Options options;
    options.directory = Configuration::defaultPluginDirectory();
    PluginCatalog catalog(options);
    try {
        catalog.load();
    } catch (const Error& error) {
        std::cerr << "plugins left out: " << error.what() << "\n";
    }
    std::vector<PluginReference> plugins;
    const auto describe = [&](const char* seam, const char* kind) {
        for (const auto* factory : catalog.factories(seam))
            plugins.push_back({kind, factory->name(), factory->settings()->describe()});
    };
    describe(CacheStore::Seam, "cache");
    describe(CredentialSource::Seam, "credential");
    describe(RegistryBackend::Seam, "backend");
    std::cout << (_format == "markdown" ? printSettingsMarkdown(plugins) : printSettingsIni(plugins));
    return 0;
}

int HostApplication::withConfiguration() {
    std::vector<SettingsProblem> problems;
    const Host::Source source{_config, environment()};
    const auto shared = std::make_shared<const Configuration>(source.path, source.environment, problems);
    const auto& configuration = *shared;
    if (!problems.empty()) {
        for (const auto& problem : problems) {
            std::cerr << (problem.origin.empty() ? _config : problem.origin) << ": ";
            if (!problem.key.empty()) std::cerr << problem.key << ": ";
            std::cerr << problem.message << "\n";
        }
        std::cerr << "wasm-proxy: " << problems.size() << (problems.size() == 1 ? " problem" : " problems") << " in "
                  << _config << "\n";
        return SettingsError;
    }
    if (_mode == "check-config") {
        const auto extensions = warnOfExtensions(configuration.settings.extensions.directory);
        std::cout << _config << ": good; " << configuration.routes.size() << " routes, "
                  << configuration.backends.size() << " backends, " << configuration.credentials.size()
                  << " credential sources, " << configuration.caches.size() << " caches";
        if (extensions != 0) std::cout << ", " << extensions << " extensions";
        std::cout << "\n";
        return 0;
    }
    configureLog(configuration.settings.log.level, configuration.settings.log.format);
    if (_mode == "explain") return explain(configuration, _explain, std::cout);
    if (!_daemon) return serve(shared, source, [] {});
    return daemonize([&](const std::function<void()>& ready) { return serve(shared, source, ready); });
}

int HostApplication::serve(const std::shared_ptr<const Configuration>& configuration, const Host::Source& source,
                           const std::function<void()>& ready) {
    try {
        const PidFile pidFile(_pidFile);
        Host host(configuration, source);
        host.start();
        keepDescriptors();
        ready();
        int signal = 0;
        while (signal != SIGTERM && signal != SIGINT) {
            signal = nextSignal();
            if (signal == SIGHUP) host.reload("SIGHUP");
            host.tidy();
        }
        host.stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
        return 0;
    } catch (const Error& error) {
        log(LogLevel::Error, "cannot run", {{"cause", error.what()}, {"hint", error.hint()}});
        return error.code() == ErrorCode::SettingsInvalid ? SettingsError : Failed;
    }
}

} // namespace wasmproxy::host
