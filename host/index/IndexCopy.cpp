// SPDX-License-Identifier: Apache-2.0
#include "IndexCopy.h"

#include "IndexTime.h"

#include "wasmproxy/oci/Error.h"

#include "observe/Log.h"

#include <Poco/URI.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

constexpr const char* Header = "wasm-proxy index copy 1\n";

/// Closes what it holds; write() and sync() throw with the errno's text.
class OutputFile {
public:
    OutputFile(const std::string& path, int flags) : _path(path), _descriptor(::open(path.c_str(), flags, 0600)) {
        if (_descriptor < 0) fail();
    }
    ~OutputFile() { ::close(_descriptor); }
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto written = ::write(_descriptor, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) fail();
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    void sync() {
        if (::fsync(_descriptor) != 0) fail();
    }

private:
    [[noreturn]] void fail() const {
        throw Error(ErrorCode::StorageFault, "cannot write " + _path + ": " + std::strerror(errno));
    }

    std::string _path;
    int _descriptor;
};

std::string line(const TagSet& tag) {
    return "tag " + tag.key + " " + tag.record.digest.str() + " " +
           std::to_string(toMicroseconds(tag.record.validatedAt)) +
           (tag.record.previous.empty() ? "" : " " + tag.record.previous.str()) + "\n";
}

std::string line(const LinkAdded& link) {
    return "link " + link.repository.host() + " " + link.repository.path() + " " + link.digest.str() + "\n";
}

std::string line(const PinRecord& pin) {
    return "pin " + pin.digest.str() + " " + std::to_string(toMicroseconds(pin.since)) + "\n";
}

/// A word of its own whatever is in it; "-" for nothing.
std::string word(const std::string& text) {
    if (text.empty()) return "-";
    std::string encoded;
    Poco::URI::encode(text, "-%\x7f", encoded);
    return encoded;
}

std::string unwrapped(const std::string& word) {
    std::string decoded;
    if (word != "-") Poco::URI::decode(word, decoded);
    return decoded;
}

Digest digestOrEmpty(const std::string& word) {
    return word == "-" ? Digest() : Digest::parse(word);
}

std::string line(const ModuleRecord& module) {
    const auto digest = [](const Digest& each) { return each.empty() ? std::string("-") : each.str(); };
    return "module " + module.manifest.str() + " " + module.module.str() + " " + digest(module.selectedManifest) + " " +
           digest(module.layer) + " " + std::to_string(module.size) + " " + word(module.layout) + " " +
           word(module.entry) + " " + word(module.proxyAbi) + " " + std::to_string(toMicroseconds(module.pulledAt)) +
           "\n";
}

template <class Other>
std::string line(const Other&) {
    return {};
}

IndexChange parseLine(const std::string& text) {
    std::istringstream words(text);
    std::string kind, first, second;
    words >> kind >> first >> second;
    if (kind == "tag") {
        Poco::Int64 time = 0;
        std::string previous;
        words >> time >> previous;
        Reference::parse(first);
        return TagSet{
            first,
            {Digest::parse(second), fromMicroseconds(time), previous.empty() ? Digest() : Digest::parse(previous)}};
    }
    if (kind == "pin") {
        Poco::Int64 time = 0;
        std::istringstream(second) >> time;
        return PinRecord{Digest::parse(first), fromMicroseconds(time)};
    }
    if (kind == "module") {
        ModuleRecord module;
        std::string selected, layer, layout, entry, abi;
        Poco::Int64 time = 0;
        words >> selected >> layer >> module.size >> layout >> entry >> abi >> time;
        module.manifest = Digest::parse(first);
        module.module = Digest::parse(second);
        module.selectedManifest = digestOrEmpty(selected);
        module.layer = digestOrEmpty(layer);
        module.layout = unwrapped(layout);
        module.entry = unwrapped(entry);
        module.proxyAbi = unwrapped(abi);
        module.pulledAt = fromMicroseconds(time);
        return module;
    }
    std::string digest;
    words >> digest;
    return LinkAdded{Digest::parse(digest), Repository(first, second)};
}

} // namespace

void IndexCopy::write(const IndexTables& tables) const {
    const std::string temporary = _path + ".new";
    {
        OutputFile file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
        DigestStream digest;
        const auto add = [&](const std::string& text) {
            digest.update(text.data(), text.size());
            file.write(text);
        };
        add(Header);
        tables.visit([&](const IndexChanges& changes) {
            std::string text;
            for (const auto& change : changes)
                text += std::visit([](const auto& one) { return line(one); }, change);
            add(text);
        });
        file.write(digest.finish().str() + "\n");
        file.sync();
    }
    if (std::rename(temporary.c_str(), _path.c_str()) != 0)
        throw Error(ErrorCode::StorageFault, "cannot replace " + _path + ": " + std::strerror(errno));
    OutputFile(std::filesystem::path(_path).parent_path().string(), O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
}

IndexChanges IndexCopy::read() const {
    std::ifstream in(_path, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    const std::string text = all.str();
    const std::size_t tail = Digest::of("").str().size() + 1;
    if (!in || text.size() < tail) return {};
    const auto body = text.substr(0, text.size() - tail);
    if (body.rfind(Header, 0) != 0 || Digest::of(body).str() + "\n" != text.substr(body.size())) {
        log(LogLevel::Warning, "the copy of the index is damaged and not used", {{"path", _path}});
        return {};
    }
    IndexChanges changes;
    std::istringstream lines(body.substr(std::strlen(Header)));
    try {
        for (std::string one; std::getline(lines, one);)
            changes.push_back(parseLine(one));
    } catch (const Error& e) {
        log(LogLevel::Warning, "the copy of the index cannot be read to its end",
            {{"path", _path}, {"cause", e.what()}});
    }
    return changes;
}

} // namespace wasmproxy::host
