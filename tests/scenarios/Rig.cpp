// SPDX-License-Identifier: Apache-2.0
#include "Rig.h"

#include "support/Base64.h"
#include "support/FreePorts.h"
#include "support/Push.h"

#include <cstdio>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace wasmproxy::test {
namespace {

std::string leb(std::size_t value) {
    std::string bytes;
    do {
        const auto low = static_cast<char>(value & 0x7f);
        value >>= 7;
        bytes += static_cast<char>(value ? low | 0x80 : low);
    } while (value);
    return bytes;
}

std::string section(char id, const std::string& payload) {
    return id + leb(payload.size()) + payload;
}

/// "team/x" of "team/x:v1", and "v1".
std::pair<std::string, std::string> splitTag(const std::string& repositoryAndTag) {
    const auto colon = repositoryAndTag.rfind(':');
    return {repositoryAndTag.substr(0, colon), repositoryAndTag.substr(colon + 1)};
}

/// Speaks to a registry as a client that pushes does.
class Uploader {
public:
    Uploader(int port, std::string repository) : _client(port), _repository(std::move(repository)) {}

    void manifest(const OciLayout& layout, const WrittenManifest& manifest, const std::string& reference) const {
        for (const auto& child : manifest.manifests)
            this->manifest(layout, child, child.digest);
        if (!manifest.configDigest.empty()) blob(layout, manifest.configDigest);
        for (const auto& digest : manifest.layerDigests)
            blob(layout, digest);
        send("PUT", "/v2/" + _repository + "/manifests/" + reference, manifest.mediaType, manifest.bytes, 201);
    }

private:
    void blob(const OciLayout& layout, const std::string& digest) const {
        const auto bytes = readFile(layout.path() + "/blobs/sha256/" + digest.substr(digest.find(':') + 1));
        const auto begun = send("POST", "/v2/" + _repository + "/blobs/uploads/", "application/octet-stream", "", 202);
        const auto location = begun.header("Location");
        const auto target = location.substr(location.find("/v2/"));
        send("PUT", target + (target.find('?') == std::string::npos ? "?" : "&") + "digest=" + digest,
             "application/octet-stream", bytes, 201);
    }

    HttpAnswer send(const std::string& method, const std::string& target, const std::string& type,
                    const std::string& body, int expected) const {
        auto answer =
            _client.send(method, target, {{"Authorization", "Basic " + base64("robot:right")}, {"Content-Type", type}},
                         std::chrono::seconds(30), body);
        if (answer.status != expected)
            throw std::runtime_error(method + " " + target + " was answered " + std::to_string(answer.status) + " " +
                                     answer.error + answer.body);
        return answer;
    }

    HttpClient _client;
    std::string _repository;
};

} // namespace

std::string fetchPath(const std::string& reference) {
    return "/fetch/" + base64("oci://" + reference);
}

std::string dockerConfig(const std::string& host, const std::string& user, const std::string& password) {
    return R"({"auths":{")" + host + R"(":{"auth":")" + base64(user + ":" + password) + R"("}}})";
}

std::string filterModule() {
    return readFile(BUILD_ROOT "/filter/filter.wasm");
}

std::string uniqueModule(const std::string& name, std::size_t size) {
    const std::string abi = "proxy_abi_version_0_2_1";
    std::string note = leb(4) + "note" + name;
    if (note.size() < size) note += std::string(size - note.size(), 'p');
    return std::string("\0asm\1\0\0\0", 8) + section(1, std::string("\1\x60\0\0", 4)) +
           section(3, std::string("\1\0", 2)) + section(7, "\1" + leb(abi.size()) + abi + std::string("\0\0", 2)) +
           section(10, std::string("\1\2\0\x0b", 4)) + section(0, note);
}

ImageContent istioArtifact(const std::string& module) {
    ImageContent image;
    image.configMediaType = "application/vnd.module.wasm.config.v1+json";
    image.config = R"({"type":"envoy_proxy"})";
    image.layers = {{image.configMediaType, image.config},
                    {"application/vnd.module.wasm.content.layer.v1+wasm", module}};
    return image;
}

namespace {

/// Links to the build's plugins that the configuration names in a folder of their own: at its start the host checks
/// each plugin in a process, which takes most of a scenario's time where those processes are sanitized.
void linkPlugins(const std::string& configuration, const std::string& folder) {
    std::set<std::string> words(Proxy::ownPlugins().begin(), Proxy::ownPlugins().end());
    const std::regex word("[a-z0-9]+");
    for (std::sregex_iterator at(configuration.begin(), configuration.end(), word), end; at != end; ++at)
        words.insert(at->str());
    std::filesystem::create_directory(folder);
    for (const auto& plugin : std::filesystem::directory_iterator(BUILD_ROOT "/plugins")) {
        if (plugin.path().extension() == ".so" && words.count(plugin.path().stem()) != 0)
            std::filesystem::create_symlink(plugin.path(), folder / plugin.path().filename());
    }
}

} // namespace

const std::vector<std::string>& Proxy::ownPlugins() {
    static const std::vector<std::string> names{"oci", "file", "disk"};
    return names;
}

Proxy::Proxy(const Options& options)
    : _dataPort(freePort()), _adminPort(freePort()), _healthPort(freePort()), _environment(options.environment) {
    setDockerConfig(options.user.empty() ? R"({"auths":{}})"
                                         : dockerConfig(options.registryHost, options.user, options.password));
    const auto loopback = [](int port) { return "127.0.0.1:" + std::to_string(port) + "\n"; };
    const auto plugins = options.pluginDirectory.empty() ? _folder / "plugins" : options.pluginDirectory;
    std::string ini = "[plugins]\ndirectory = " + plugins + "\n";
    ini += "[dataplane]\nlisten = " + loopback(_dataPort) + "[admin]\nlisten = " + loopback(_adminPort) +
           "[health]\nlisten = " + loopback(_healthPort) + "[index]\npath = " + _folder.path() + "/index.db\n" +
           "[log]\nlevel = debug\n[pull]\n" + options.pull + "\n[cache.main]\ndirectory = " + blobs() +
           "\n[credential.team]\ndocker-config = " + _folder.path() + "/docker-config.json\n" + "[backend.private]\n" +
           options.backend + "\n[route.private]\nmatch = " + options.registryHost + "/**\nbackend = private\n" +
           options.route + "\n" + options.more;
    if (options.pluginDirectory.empty()) linkPlugins(ini, plugins);
    _configuration = _folder.write("wasm-proxy.ini", ini);
    start();
}

Proxy::~Proxy() = default;

void Proxy::start() {
    Child::Options options;
    options.outputFile = _folder / "wasm-proxy.log";
    options.environment = _environment;
    _child.reset();
    _child = std::make_unique<Child>(BUILD_ROOT "/bin/wasm-proxy",
                                     std::vector<std::string>{"--config=" + _configuration}, options);
    for (int i = 0; i < 400; ++i) {
        if (health("/readyz").status == 200) return;
        if (!_child->running()) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    throw std::runtime_error("wasm-proxy did not become ready:\n" + log());
}

HttpAnswer Proxy::get(const std::string& target, const HttpClient::Headers& headers,
                      std::chrono::milliseconds timeout) const {
    return HttpClient(_dataPort).get(target, headers, timeout);
}

std::string Proxy::url(const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(_dataPort) + target;
}

double Proxy::metric(const std::string& nameAndLabels) const {
    const auto text = "\n" + health("/metrics").body;
    const auto at = text.find("\n" + nameAndLabels + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + nameAndLabels.size() + 2));
}

void Proxy::setDockerConfig(const std::string& json) const {
    const auto aside = _folder.write("docker-config.json.new", json);
    if (std::rename(aside.c_str(), (_folder / "docker-config.json").c_str()) != 0)
        throw std::runtime_error("cannot replace docker-config.json");
}

std::string Proxy::blobOf(const std::string& bytes) const {
    const auto hex = sha256Hex(bytes);
    return blobs() + "/blobs/sha256/" + hex.substr(0, 2) + "/" + hex;
}

std::string Proxy::log() const {
    return readFile(_folder / "wasm-proxy.log");
}

PrivateRegistry::PrivateRegistry()
    : registry([] {
          DockerRegistry::Options options;
          options.users = {{"robot", "right"}};
          return options;
      }()) {}

std::string PrivateRegistry::push(const std::string& repositoryAndTag, const ImageContent& image) {
    OciLayout layout(folder / ("layout-" + sha256Hex(repositoryAndTag).substr(0, 12)));
    const auto written = layout.addImage(image, "v");
    test::push(registry.host(), layout.path(), "v", repositoryAndTag, "robot", "right");
    registry.forget();
    return written.digest;
}

std::string PrivateRegistry::put(const std::string& repositoryAndTag, const ImageContent& image) const {
    OciLayout layout(folder / ("layout-" + sha256Hex(repositoryAndTag).substr(0, 12)));
    return put(repositoryAndTag, layout, layout.addImage(image, "v"));
}

std::string PrivateRegistry::put(const std::string& repositoryAndTag, const OciLayout& layout,
                                 const WrittenManifest& manifest) const {
    const auto [repository, tag] = splitTag(repositoryAndTag);
    Uploader(registry.port(), repository).manifest(layout, manifest, tag);
    return manifest.digest;
}

} // namespace wasmproxy::test
