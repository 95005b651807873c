// SPDX-License-Identifier: Apache-2.0
#include "loading/PluginCatalog.h"

#include "loading/LocationRules.h"
#include "loading/PluginCheck.h"
#include "loading/SealedCopy.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/PluginLibrary.h"
#include "wasmproxy/plugin/PluginNoteReader.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <tuple>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

/// Tells whether the file under a name is still the one that was looked at.
using FileIdentity = std::tuple<dev_t, ino_t, off_t, time_t, long, time_t, long>;

FileIdentity identityOf(const std::string& path) {
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0) return {};
    return {s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
}

std::set<std::string> librariesIn(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(directory.c_str()), &::closedir);
    if (!listing) {
        throw Error(ErrorCode::SettingsInvalid,
                    "plugins.directory: " + directory + " cannot be listed: " + std::generic_category().message(errno),
                    "let the user of this process read it");
    }
    std::set<std::string> names;
    while (const dirent* entry = ::readdir(listing.get())) {
        const std::string name = entry->d_name;
        if (name.size() > 3 && name[0] != '.' && name.compare(name.size() - 3, 3, ".so") == 0) names.insert(name);
        if (names.size() > PluginCatalog::MaxLibraries) {
            throw Error(ErrorCode::SettingsInvalid,
                        "plugins.directory: " + directory + " holds more than " +
                            std::to_string(PluginCatalog::MaxLibraries) + " libraries",
                        "name the directory that only plugins are in");
        }
    }
    return names;
}

std::string reasonOf(const Error& error) {
    return error.hint().empty() ? error.what() : std::string(error.what()) + "; " + error.hint();
}

using Factories = std::vector<std::unique_ptr<ComponentFactory>>;

/// Opens the copy in this process; from here on its code runs.
Factories open(SealedCopy& copy, const std::string& file, PluginState& state) {
    PluginLibrary library(copy.path(), file);
    copy.keepOpen();
    auto factories = library.makeFactories();
    for (const auto& factory : factories)
        state.components.push_back(componentTitle(*factory));
    return factories;
}

/// What errors call it: for the descriptor of a SealedCopy the name of the file it was made of.
std::string nameOf(const std::string& path) {
    constexpr std::string_view Copy = "/memfd:", Deleted = " (deleted)";
    if (path.rfind("/proc/self/fd/", 0) != 0) return path;
    char target[512];
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    if (size < 0) return path;
    std::string_view name(target, static_cast<std::size_t>(size));
    if (name.substr(0, Copy.size()) == Copy) name.remove_prefix(Copy.size());
    if (const auto at = name.rfind(Deleted); at != name.npos && at + Deleted.size() == name.size()) {
        name.remove_suffix(Deleted.size());
    }
    return std::string(name);
}

void readNote(const SealedCopy& copy, const std::string& file, PluginState& state) {
    const auto identity = readPluginNote(copy.bytes(), file);
    state.id = identity.id;
    state.version = identity.version;
    requireCompatible(identity, file);
}

} // namespace

struct PluginCatalog::Libraries {
    struct Seen {
        PluginState state;
        FileIdentity identity;
    };
    struct Loaded {
        std::unique_ptr<ComponentFactory> factory;
        std::string file;
    };
    using Key = std::pair<std::string, std::string>; // seam, name

    explicit Libraries(Options o) : options(std::move(o)) {}

    /// Under `loading`. Refusals are thrown as Error{PluginFault}.
    void load(const std::string& path, const std::string& name, PluginState& state) {
        const auto fd = LocationRules(options.checkOwner).file(path);
        SealedCopy copy(fd.get(), name);
        readNote(copy, name, state);
        const auto why = PluginCheck(options.checkerProgram, options.checkTimeout).run(copy.descriptor(), name);
        if (!why.empty()) throw Error(ErrorCode::PluginFault, why);
        auto made = open(copy, name, state);

        const std::lock_guard lock(guard);
        for (const auto& factory : made) {
            const auto other = components.find({factory->seam(), factory->name()});
            if (other == components.end()) continue;
            throw Error(ErrorCode::PluginFault,
                        name + " offers " + componentTitle(*factory) + ", which " + other->second.file + " has already",
                        "remove one of the two and restart");
        }
        for (auto& factory : made) {
            Key key(factory->seam(), factory->name());
            components.emplace(std::move(key), Loaded{std::move(factory), name});
        }
    }

    const Options options;
    std::mutex loading;               // one load() at a time; held while children run
    mutable std::mutex guard;         // of what follows
    std::map<std::string, Seen> seen; // by file name
    std::map<Key, Loaded> components;
};

PluginCatalog::PluginCatalog(Options options) : _libraries(std::make_unique<Libraries>(std::move(options))) {}
PluginCatalog::~PluginCatalog() = default;

void PluginCatalog::load() {
    auto& all = *_libraries;
    const std::lock_guard loading(all.loading);
    const auto directory = LocationRules(all.options.checkOwner).directory(all.options.directory);
    const auto names = librariesIn(directory);
    {
        // A refused file that is gone is forgotten; a loaded one still runs, and says so.
        const std::lock_guard lock(all.guard);
        for (auto it = all.seen.begin(); it != all.seen.end();) {
            const bool forget = it->second.state.state == "refused" && names.count(it->first) == 0;
            it = forget ? all.seen.erase(it) : std::next(it);
        }
    }
    for (const auto& name : names) {
        const auto path = directory + "/" + name;
        Libraries::Seen now{{name, {}, {}, "loaded", {}, {}}, identityOf(path)};
        // Only load() writes `seen`, and it is alone: reading needs no lock.
        const auto before = all.seen.find(name);
        if (before != all.seen.end() && before->second.identity == now.identity) continue;
        if (before != all.seen.end() && before->second.state.state == "loaded") {
            // Opened once, it stays; what the file holds now counts after a restart.
            const std::lock_guard lock(all.guard);
            before->second.identity = now.identity;
            before->second.state.reason = "the file was changed since; restart to use what it holds now";
            continue;
        }
        try {
            all.load(path, name, now.state);
        } catch (const Error& e) {
            now.state.state = "refused";
            now.state.reason = reasonOf(e);
        } catch (const std::exception& e) { // ours: memory
            now.state.state = "refused";
            now.state.reason = name + ": " + e.what();
        }
        const std::lock_guard lock(all.guard);
        all.seen.insert_or_assign(name, std::move(now));
    }
}

std::vector<PluginState> PluginCatalog::plugins() const {
    const std::lock_guard lock(_libraries->guard);
    std::vector<PluginState> states;
    for (const auto& [name, seen] : _libraries->seen)
        states.push_back(seen.state);
    return states;
}

const ComponentFactory* PluginCatalog::find(const std::string& seam, const std::string& name) const {
    const std::lock_guard lock(_libraries->guard);
    const auto found = _libraries->components.find({seam, name});
    return found == _libraries->components.end() ? nullptr : found->second.factory.get();
}

std::vector<const ComponentFactory*> PluginCatalog::factories(const std::string& seam) const {
    const std::lock_guard lock(_libraries->guard);
    std::vector<const ComponentFactory*> found;
    for (const auto& [key, loaded] : _libraries->components) {
        if (key.first == seam) found.push_back(loaded.factory.get());
    }
    return found;
}

PluginState PluginCatalog::check(const std::string& path) {
    const auto file = nameOf(path);
    const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        throw Error(ErrorCode::PluginFault, file + " cannot be opened: " + std::generic_category().message(errno));
    }
    if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::PluginFault, file + " is not a regular file");
    SealedCopy copy(fd.get(), file);
    PluginState state{path, {}, {}, "loaded", {}, {}};
    readNote(copy, file, state);
    open(copy, file, state);
    return state;
}

} // namespace wasmproxy::host
