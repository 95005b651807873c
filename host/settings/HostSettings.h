// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings/SettingsDocument.h"
#include "wasmproxy/plugin/Settings.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

struct PluginsSettings : Settings {
    Setting<std::string> directory{this, "directory", "",
                                   "Where plugin libraries are. Empty: plugins/ beside a build tree's bin/, else "
                                   "/usr/lib/wasm-proxy/plugins."};
};

struct DataplaneSettings : Settings {
    Setting<std::string> listen{this, "listen", "127.0.0.1:8080", "Address and port where proxies fetch modules."};
    Setting<std::vector<std::string>> allowFrom{
        this,
        "allow-from",
        {"127.0.0.0/8", "::1/128"},
        "Networks that may ask. Must be written where `listen` is not loopback: whoever may ask can read every routed "
        "module."};
    Setting<std::string> publicUrl{this, "public-url", "",
                                   "Where proxies reach `listen`, for the URLs that the admin API gives: "
                                   "http://wasmfetcher.istio-system.svc.cluster.local. Default: http://<listen>."};
    Setting<std::uint64_t> threads{this, "threads", 0, "Event loops; 0: one per core."};
    Setting<std::uint64_t> connections{this, "connections", 16384, "Open connections at most; more are refused."};
    Setting<std::chrono::milliseconds> headerTimeout{this, "header-timeout", std::chrono::seconds(5),
                                                     "A request's head must be complete by then."};
    Setting<std::chrono::milliseconds> idleTimeout{this, "idle-timeout", std::chrono::seconds(60),
                                                   "A connection without a request is closed after this."};
    Setting<Bytes> minSendRate{this, "min-send-rate", Bytes{16 * 1024},
                               "A client that takes less per second, over 10 s, is dropped."};
    Setting<bool> bodyBatches{this, "body-batches", true,
                              "Let large bodies begin only while the link, as it was measured, carries them within "
                              "pull.agent-timeout; others wait up to pull.hold without an answer, then 503. false: "
                              "all at once, however many."};
    Setting<Bytes> bodyBatch{this, "body-batch", Bytes{64u << 20},
                             "So much of bodies may always be on the way, before anything was measured."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

struct HealthSettings : Settings {
    Setting<std::string> listen{
        this, "listen", "127.0.0.1:8082",
        "Address and port of /healthz, /readyz and /metrics. No authentication, nothing secret."};
};

struct AdminSettings : Settings {
    Setting<std::string> listen{this, "listen", "127.0.0.1:8081",
                                "Address and port of the admin REST endpoints. On loopback whoever can connect may do "
                                "everything, unless one of the keys below asks for more; elsewhere one of them must."};
    Setting<std::string> readTokenFile{
        this, "read-token-file", "",
        "File with bearer tokens of the role read, one per line, each of at least 16 bytes, with a name before it if "
        "wanted (`alice: 4f9c...`). Read again when it changes."};
    Setting<std::string> operateTokenFile{this, "operate-token-file", "",
                                          "The same for the role operate, which may change things."};
    Setting<std::string> tlsCertificate{this, "tls-certificate", "",
                                        "PEM file with the certificate of this port and its chain. Given: the port "
                                        "speaks TLS only. Read again when it changes, as the next two are."};
    Setting<std::string> tlsKey{this, "tls-key", "", "PEM file with its key."};
    Setting<std::string> clientCa{this, "client-ca", "",
                                  "PEM file with the authorities that sign client certificates."};
    Setting<std::vector<std::string>> readNames{
        this, "read-names", {}, "Common or alternative names of client certificates with the role read."};
    Setting<std::vector<std::string>> operateNames{
        this, "operate-names", {}, "The same for the role operate. Compared literally."};
    Setting<std::vector<std::string>> hosts{
        this,
        "hosts",
        {},
        "Names that may stand in a request's Host beside localhost and the port's own addresses, with or without a "
        "port: wasm-proxy.example, localhost:9000. Others are refused, as names can be re-pointed."};
    Setting<std::vector<std::string>> origins{
        this,
        "origins",
        {},
        "Origins whose pages may ask: https://console.example. Others are refused; no CORS header is ever sent."};
    Setting<bool> plainHttp{this, "plain-http", false,
                            "true: take tokens without TLS where `listen` is not loopback. For a port that only a "
                            "mesh's encrypted connections reach."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

struct IndexSettings : Settings {
    Setting<std::string> path{this, "path", "/var/lib/wasm-proxy/index.db", "The DigestIndex, an SQLite database."};
    Setting<std::chrono::milliseconds> accessRetention{this, "access-retention", std::chrono::hours(24 * 30),
                                                       "How long accesses are kept."};
};

struct PullSettings : Settings {
    Setting<std::chrono::milliseconds> hold{this, "hold", std::chrono::seconds(12),
                                            "How long a request may wait for a module that is being pulled."};
    Setting<std::chrono::milliseconds> agentTimeout{this, "agent-timeout", std::chrono::seconds(15),
                                                    "What istio-agent allows for one attempt, body included. After a "
                                                    "wait, 200 is sent only if the body fits in the "
                                                    "rest."};
    Setting<Bytes> agentRate{this, "agent-rate", Bytes{8u << 20},
                             "Bytes per second that one client is assumed to take, for agent-timeout."};
    Setting<Bytes> maxModule{this, "max-module", Bytes{256u << 20}, "The largest module, uncompressed."};
    Setting<Bytes> maxManifest{this, "max-manifest", Bytes{4u << 20}, "The largest manifest."};
    Setting<Bytes> maxLayer{this, "max-layer", Bytes{512u << 20}, "The largest layer, as stored in the registry."};
    Setting<std::vector<std::string>> credentials{
        this, "credentials", {}, "Credential sources asked in this order. Default: all, in the order of the file."};
    Setting<std::vector<std::string>> caches{this,
                                             "caches",
                                             {},
                                             "Cache stores, fastest first: local ones (memory, disk), then those that "
                                             "replicas share (redis, s3). The last local "
                                             "one is written to. Default: all, in the order of the file."};
    Setting<Bytes> spareMemory{
        this, "spare-memory", Bytes{64u << 20},
        "Bytes of memory for what is pulled while the cache cannot be written, since its disk is full, read-only or "
        "fails: it is served from there until its room is wanted. 0B: none, such requests get 503."};
    Setting<std::uint64_t> workers{this, "workers", 16, "Pulls that run at the same time."};
    Setting<std::uint64_t> workersPerRegistry{this, "workers-per-registry", 6,
                                              "Of those, how many may be busy with one registry."};
    Setting<std::uint64_t> waiting{this, "waiting", 20000, "Requests that may wait for pulls at the same time."};
    Setting<std::chrono::milliseconds> deadline{this, "deadline", std::chrono::minutes(5),
                                                "One upstream attempt, from first to last byte."};
    Setting<std::chrono::milliseconds> secondLook{
        this, "second-look", std::chrono::seconds(2),
        "An absent tag is looked for again after this before a client is told 404."};
    Setting<std::string> requireProxyWasm{
        this, "require-proxy-wasm", "warn",
        "Whether a module must export a proxy_abi_version: yes (else 422), warn (log it), no."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

struct LogSettings : Settings {
    Setting<std::string> level{this, "level", "information", "error, warning, information or debug."};
    Setting<std::string> format{this, "format", "text", "text or json."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

struct ExtensionsSettings : Settings {
    Setting<std::string> directory{this, "directory", "",
                                   "Where files with WasmExtension documents are: *.yaml, *.yml, *.json. Empty: none. "
                                   "Changes are picked up while running."};
    Setting<bool> kubernetes{this, "kubernetes", false,
                             "Also take the WasmExtension resources (extension.wasmproxy.io) of the namespace that the "
                             "kubernetes credential source reads."};
};

struct ReloadSettings : Settings {
    Setting<bool> onChange{this, "on-change", false,
                           "Reload when this file has changed, within a few seconds; else only on SIGHUP and by the "
                           "admin API. A file that is wrong leaves the configuration before in force."};
};

struct MeshSettings : Settings {
    Setting<bool> enableWasmDownloadProxy{this, "enable-wasm-download-proxy", true,
                                          "false: no Extension is served; what a route serves still is."};
};

struct PrefetchSettings : Settings {
    Setting<std::vector<std::string>> references{this,
                                                 "references",
                                                 {},
                                                 "Modules to pull before anybody asks: host/repository:tag or "
                                                 "…@sha256:…, with or without oci://. At most 1,000. "
                                                 "Extensions are pulled anyway as soon as they are known."};
    Setting<std::chrono::milliseconds> every{this, "every", std::chrono::hours(1),
                                             "How often they are looked after again; 0s: only at the start, when the "
                                             "list changes, and while one could not be pulled."};
    Setting<bool> waitReady{this, "wait-ready", false,
                            "true: after the start, /readyz is 503 until they have been pulled, or cannot be."};
    Setting<std::chrono::milliseconds> waitAtMost{this, "wait-at-most", std::chrono::seconds(60),
                                                  "How long wait-ready waits; then the proxy is ready without them."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

/// Of every [backend.x], beside what its plugin declares.
struct BackendSettings : Settings {
    Setting<std::string> plugin{this, "plugin", "",
                                "Which registry plugin. Default: the plugin of the section's name."};
    Setting<bool> allowPrivateAddresses{
        this, "allow-private-addresses", false,
        "Dial private addresses behind host names that nobody wrote into this file (redirects, realms, wildcards)."};
    Setting<std::string> caFile{this, "ca-file", "", "PEM file of the authorities to trust instead of the system's."};
    Setting<std::string> clientCertificate{this, "client-certificate", "", "PEM file shown to the registry."};
    Setting<std::string> clientKey{this, "client-key", "", "PEM file of its key."};
    Setting<std::string> proxy{this, "proxy", "", "URL of an HTTP proxy to go through."};
    Setting<std::vector<std::string>> noProxy{this, "no-proxy", {}, "Hosts reached without it."};
    Setting<std::vector<std::string>> mirrors{
        this,
        "mirrors",
        {},
        "Other [backend.x] sections with an `endpoint` that content is fetched from first, in this order. What a tag "
        "means is always asked of this backend."};
    Setting<std::chrono::milliseconds> connectTimeout{this, "connect-timeout", std::chrono::seconds(5),
                                                      "DNS, TCP and TLS."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

struct CredentialSettings : Settings {
    Setting<std::string> plugin{this, "plugin", "file", "Which credential plugin."};
};

struct CacheSettings : Settings {
    Setting<std::string> plugin{this, "plugin", "disk", "Which cache plugin."};
    Setting<Bytes> capacity{this, "capacity", Bytes{std::uint64_t(10) << 30},
                            "Bytes to keep; what was used least recently goes first. Default of a store with "
                            "max-bytes: three quarters of that. "
                            "Means nothing for a shared store."};
    Setting<std::chrono::milliseconds> scrubEvery{
        this, "scrub-every", std::chrono::hours(24),
        "How often all that is cached is read and compared with its digest, in the background; what is damaged is put "
        "aside and fetched again. The first time is a minute after the start. 0s: never. Of a cache that is not "
        "shared."};
    Setting<Bytes> scrubRate{this, "scrub-rate", Bytes{10u << 20}, "Bytes per second that it reads."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

struct RouteSettings : Settings {
    Setting<std::string> match{
        this, "match", "", "Repositories this route serves: host/path, `*` inside one component, `**` across.", true};
    Setting<std::string> backend{this, "backend", "",
                                 "Which backend. Default: the plugin that knows the host, else oci."};
    Setting<std::vector<std::string>> credentials{
        this, "credentials", {}, "Credential sources to ask instead of pull.credentials."};
    Setting<bool> plainHttp{this, "plain-http", false, "Overrides the backend's plain-http for this route."};
    Setting<bool> anonymous{this, "anonymous", false, "Also pull without a credential, after those that were found."};
    Setting<std::chrono::milliseconds> tagTtl{
        this, "tag-ttl", std::chrono::seconds(60),
        "How long a tag's digest is believed. While somebody asks for the tag, the registry is asked again in the "
        "background, when 80 to 95 % of this have passed."};
    Setting<std::string> pullPolicy{
        this, "pull-policy", "if-not-present",
        "if-not-present: what a tag means is believed for `tag-ttl`. always: the registry is asked for each request, "
        "but no more than once a second for one tag. A module that is in the cache is never pulled again; a "
        "WasmExtension with imagePullPolicy Always is always so."};
    Setting<std::chrono::milliseconds> staleIfError{
        this, "stale-if-error", std::chrono::hours(24 * 7),
        "How long past that the last digest is served while the registry cannot be asked."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

/// A section whose plugin is known: what the host reads of it, and what is left for the plugin's own Settings.
template <class Common>
struct InstanceSettings {
    std::string name;
    std::unique_ptr<Common> common = std::make_unique<Common>();
    std::vector<KeyValue> pluginValues; ///< every key that Common does not declare
    std::string prefix;                 ///< "cache.main."
    std::string origin;                 ///< of the section
};

/// Everything of the file but what plugins declare. Built whole, then constant.
struct HostSettings {
    PluginsSettings plugins;
    DataplaneSettings dataplane;
    HealthSettings health;
    AdminSettings admin;
    IndexSettings index;
    PullSettings pull;
    LogSettings log;
    ExtensionsSettings extensions;
    MeshSettings mesh;
    ReloadSettings reload;
    PrefetchSettings prefetch;
    std::vector<InstanceSettings<BackendSettings>> backends;
    std::vector<InstanceSettings<CredentialSettings>> credentials;
    std::vector<InstanceSettings<CacheSettings>> caches;
    std::vector<InstanceSettings<RouteSettings>> routes;

    /// Appends every problem: unknown sections and keys, values, a listener that is not loopback without its
    /// allow-from, names that refer to no section or plugin are left to Host (it knows the plugins).
    void apply(const SettingsDocument& document, std::vector<SettingsProblem>& problems);
};

/// Settings::apply for a plugin's own Settings with what an instance left for it: a wrong key's message suggests from
/// the plugin's and the common keys, and a missing key's origin is the section.
void applyPluginSettings(Settings& plugin, const std::vector<KeyValue>& values, const std::string& prefix,
                         const std::string& origin, const Settings& common, std::vector<SettingsProblem>& problems);
template <class Common>
void applyPluginSettings(Settings& plugin, const InstanceSettings<Common>& instance,
                         std::vector<SettingsProblem>& problems) {
    applyPluginSettings(plugin, instance.pluginValues, instance.prefix, instance.origin, *instance.common, problems);
}

/// What to say of a key that is none of `known`: the nearest one, or all of them.
std::string unknownKeyMessage(const std::string& key, const std::vector<std::string>& known);

} // namespace wasmproxy::host
