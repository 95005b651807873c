// SPDX-License-Identifier: Apache-2.0
#include "loading/PluginCatalog.h"

#include "loading/LocationRules.h"
#include "loading/OpenedPlugins.h"
#include "loading/PluginChecks.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/PluginLibrary.h"
#include "wasmproxy/plugin/PluginNoteReader.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <string_view>
#include <system_error>

namespace wasmproxy::host {

namespace {

// A library that takes longer holds up none that comes later.
constexpr std::chrono::milliseconds Patience{1000};

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

/// Opens the copy in this process; from here on its code runs.
std::vector<std::unique_ptr<ComponentFactory>> open(SealedCopy& copy, const std::string& file, PluginState& state) {
    PluginLibrary library(copy.path(), file);
    copy.keepOpen();
    auto factories = library.makeFactories();
    for (const auto& factory : factories) {
        state.components.push_back(componentTitle(*factory));
        state.factories.push_back(factory.get());
    }
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

std::string titleOf(const PluginState& state) {
    return state.id + " " + state.version;
}

} // namespace

struct PluginCatalog::Libraries {
    /// A file that was seen.
    struct Seen {
        FileIdentity identity; ///< of what was judged
        PluginState state;
        OpenedPlugin* current = nullptr; ///< what is in use of it
        bool gone = false;               ///< from the directory
        bool contested = false;          ///< refused for what another plugin has
    };

    explicit Libraries(Options o)
        : options(std::move(o)), checks(options.checkerProgram, options.checkTimeout, options.checkOwner) {}

    std::set<std::string> list();
    void begin(const std::set<std::string>& names, const std::set<std::string>& beingWritten);
    void forgetGone(const std::set<std::string>& names, Look& look);
    void collect(bool inOrder, Look& look);
    void use(CheckedPlugin& checked, Seen& seen, Look& look);
    void refuse(const PluginState& now, const std::string& reason, Seen& seen) const;
    bool keepsNames(const OpenedPlugin& plugin, const std::string& against) const;

    const Options options;
    std::mutex loading;                  // one look at a time
    std::vector<PluginState> unreported; ///< what load() saw change
    PluginChecks checks;
    mutable std::mutex guard;          // of what follows; under `loading` reading needs no lock
    std::map<std::string, Seen> files; // by name
    OpenedPlugins opened;
    bool released = false; ///< names that a contested file may have now
    std::string problem;
};

std::set<std::string> PluginCatalog::Libraries::list() {
    try {
        auto names = librariesIn(LocationRules(options.checkOwner).directory(options.directory));
        const std::lock_guard lock(guard);
        problem.clear();
        return names;
    } catch (const Error& error) {
        const std::lock_guard lock(guard);
        problem = reasonOf(error);
        throw;
    }
}

/// A refused file that is gone is forgotten; a loaded one still runs, and says so.
void PluginCatalog::Libraries::forgetGone(const std::set<std::string>& names, Look& look) {
    const std::lock_guard lock(guard);
    for (auto it = files.begin(); it != files.end();) {
        auto& seen = it->second;
        const bool gone = names.count(it->first) == 0;
        if (gone && !seen.gone && seen.current) {
            seen.state = seen.current->state;
            seen.state.state = "removed";
            seen.state.reason = it->first + " is gone from the directory; what it held is in use until a restart";
            seen.identity = {};
            seen.contested = false;
            look.changed.push_back(seen.state);
            released = true;
        }
        seen.gone = gone;
        it = gone && !seen.current ? files.erase(it) : std::next(it);
    }
}

void PluginCatalog::Libraries::begin(const std::set<std::string>& names, const std::set<std::string>& beingWritten) {
    for (const auto& name : names) {
        if (beingWritten.count(name) != 0 || checks.has(name)) continue;
        const auto path = options.directory + "/" + name;
        const auto known = files.find(name);
        const bool retry = known != files.end() && known->second.contested && released;
        if (known != files.end() && known->second.identity == identityOf(path) && !retry) continue;
        if (known == files.end()) {
            const std::lock_guard lock(guard);
            auto& state = files[name].state;
            state.file = name;
            state.state = "checking";
        }
        checks.begin(path, name);
    }
    released = false;
}

void PluginCatalog::Libraries::collect(bool inOrder, Look& look) {
    for (auto& checked : checks.take(inOrder)) {
        const auto found = files.find(checked.state.file);
        if (found == files.end() || found->second.gone) continue; // gone meanwhile
        auto& seen = found->second;
        const auto before = std::make_pair(seen.state.state, seen.state.reason);
        if (checked.identity != identityOf(checked.path)) {
            seen.identity = {}; // changed meanwhile: checked again at the next look
            continue;
        }
        const auto* current = seen.current;
        if (checked.copy)
            use(checked, seen, look);
        else {
            const std::lock_guard lock(guard);
            refuse(checked.state, checked.state.reason, seen);
        }
        const std::lock_guard lock(guard);
        seen.identity = checked.identity;
        if (seen.current != current || before != std::make_pair(seen.state.state, seen.state.reason))
            look.changed.push_back(seen.state);
    }
    look.checking = !checks.idle();
}

void PluginCatalog::Libraries::use(CheckedPlugin& checked, Seen& seen, Look& look) {
    const auto& name = checked.state.file;
    auto* plugin = opened.find(checked.digest);
    // The same bytes once more: as they were, or under a new name. Beside a file that holds them, too, they are another
    // library, and refused.
    if (plugin && plugin != seen.current && keepsNames(*plugin, name)) plugin = nullptr;
    std::unique_ptr<OpenedPlugin> made;
    std::string reason;
    seen.contested = false;
    try {
        if (!plugin) {
            if (opened.full())
                throw Error(ErrorCode::PluginFault,
                            name + " is one more than the " + std::to_string(OpenedPlugins::Max) +
                                " libraries that a process opens",
                            "restart");
            made = std::make_unique<OpenedPlugin>();
            made->state = checked.state;
            made->state.state = "loaded";
            made->state.loadedAt = std::chrono::system_clock::now();
            made->digest = checked.digest;
            made->factories = open(*checked.copy, name, made->state);
        }
        const std::lock_guard lock(guard);
        if (plugin && plugin->state.file != name) {
            const auto former = files.find(plugin->state.file);
            if (former != files.end() && former->second.current == plugin) former->second.current = nullptr;
            plugin->state.file = name;
        }
        seen.contested = true;
        opened.offer(plugin ? *plugin : *made, [&](const OpenedPlugin& other) { return keepsNames(other, name); });
        seen.contested = false;
        if (made) plugin = &opened.add(std::move(made));
        look.opened = look.opened || plugin != seen.current;
        released = released || (seen.current && plugin != seen.current);
        seen.current = plugin;
        seen.state = plugin->state;
        return;
    } catch (const Error& error) {
        reason = reasonOf(error);
    } catch (const std::exception& error) { // ours: memory
        reason = name + ": " + error.what();
    }
    const std::lock_guard lock(guard);
    refuse(checked.state, reason, seen);
}

void PluginCatalog::Libraries::refuse(const PluginState& now, const std::string& reason, Seen& seen) const {
    if (!seen.current) {
        seen.state = now;
        seen.state.state = "refused";
        seen.state.reason = reason;
        return;
    }
    seen.state = seen.current->state;
    seen.state.state = "outdated";
    seen.state.reason = titleOf(seen.state) + " stays in use, since what the file holds now is refused: " + reason;
}

/// Whether components of `plugin` are its own against the file `against`: a file of the directory holds it.
bool PluginCatalog::Libraries::keepsNames(const OpenedPlugin& plugin, const std::string& against) const {
    const auto found = files.find(plugin.state.file);
    return found != files.end() && found->first != against && !found->second.gone && found->second.current == &plugin;
}

PluginCatalog::PluginCatalog(Options options) : _libraries(std::make_unique<Libraries>(std::move(options))) {}
PluginCatalog::~PluginCatalog() = default;

void PluginCatalog::load() {
    auto& all = *_libraries;
    const std::lock_guard loading(all.loading);
    Look look;
    const bool first = all.files.empty(); // then which of two that offer the same is loaded depends on names alone
    const auto names = all.list();
    all.forgetGone(names, look);
    all.begin(names, {});
    for (all.collect(first, look); look.checking; all.collect(first, look)) {
        const auto left = first ? std::chrono::milliseconds(60000) : all.checks.patience(Patience);
        if (left.count() <= 0) break;
        pollfd ended{all.checks.descriptor(), POLLIN, 0};
        ::poll(&ended, 1, static_cast<int>(left.count()));
    }
    if (!first) all.unreported.insert(all.unreported.end(), look.changed.begin(), look.changed.end());
}

PluginCatalog::Look PluginCatalog::look(const std::set<std::string>& beingWritten, bool again) {
    auto& all = *_libraries;
    const std::lock_guard loading(all.loading);
    Look look;
    const auto names = all.list();
    look.changed.swap(all.unreported);
    all.forgetGone(names, look);
    all.collect(false, look);
    for (auto& [name, seen] : all.files)
        if (again && (seen.state.state == "refused" || seen.state.state == "outdated")) seen.identity = {};
    all.begin(names, beingWritten);
    look.checking = !all.checks.idle();
    return look;
}

int PluginCatalog::checkedDescriptor() const noexcept {
    return _libraries->checks.descriptor();
}

std::vector<PluginState> PluginCatalog::plugins() const {
    const auto& all = *_libraries;
    const std::lock_guard lock(all.guard);
    const auto offering = all.opened.offering();
    std::vector<PluginState> states;
    for (const auto& [name, seen] : all.files) {
        // What is gone and replaced by others is not in use.
        if (!seen.gone || std::find(offering.begin(), offering.end(), seen.current) != offering.end())
            states.push_back(seen.state);
    }
    for (const auto* plugin : offering) {
        const auto& name = plugin->state.file;
        const auto found = all.files.find(name);
        const bool there = found != all.files.end() && !found->second.gone;
        const auto* now = found == all.files.end() ? nullptr : found->second.current;
        if (now == plugin) continue;
        states.push_back(plugin->state);
        states.back().state = "removed";
        states.back().reason = name + (there && now ? " holds " + titleOf(now->state) + " now" : " held it before") +
                               "; it is in use until a restart";
    }
    std::stable_sort(states.begin(), states.end(),
                     [](const PluginState& a, const PluginState& b) { return a.file < b.file; });
    return states;
}

const std::string& PluginCatalog::directory() const noexcept {
    return _libraries->options.directory;
}

std::string PluginCatalog::problem() const {
    const std::lock_guard lock(_libraries->guard);
    return _libraries->problem;
}

const ComponentFactory* PluginCatalog::find(const std::string& seam, const std::string& name) const {
    const std::lock_guard lock(_libraries->guard);
    return _libraries->opened.find(seam, name);
}

std::vector<const ComponentFactory*> PluginCatalog::factories(const std::string& seam) const {
    const std::lock_guard lock(_libraries->guard);
    return _libraries->opened.factories(seam);
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
    PluginState state;
    state.file = path;
    state.state = "loaded";
    const auto identity = readPluginNote(copy.bytes(), file);
    state.id = identity.id;
    state.version = identity.version;
    requireCompatible(identity, file);
    const auto factories = open(copy, file, state);
    state.factories.clear(); // they go with this function
    return state;
}

} // namespace wasmproxy::host
