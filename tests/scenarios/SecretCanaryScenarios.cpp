// SPDX-License-Identifier: Apache-2.0
// One secret of each kind on every path there is, and then every output there is searched for all of them in all forms.
#include "CanaryClouds.h"
#include "CanaryOutputs.h"
#include "CanaryStage.h"
#include "EchoRegistry.h"
#include "Rig.h"
#include "SecretForms.h"

#include "support/Base64.h"
#include "support/KubeApi.h"
#include "support/VaultServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

using namespace wasmproxy::test;
namespace fs = std::filesystem;

namespace {

/// What encodings change, around a core that they do not.
SecretForms password(const std::string& name) {
    const auto core = "Kanarie" + name + "4711";
    return {name, "p/+\"?>?>~~" + core + "\\=?&%", core};
}

/// What may stand in a header, a query and a URL as it is.
SecretForms token(const std::string& name) {
    return {name, "Kanarie" + name + "4711.aZ-_9", "Kanarie" + name + "4711"};
}

const SecretForms Docker = password("Docker");
const SecretForms Plain = password("Plain");
const SecretForms Cluster = password("Cluster");
const SecretForms Vault = password("Vault");
const SecretForms Helper = password("Helper");     // of docker's credential helpers
const SecretForms Provider = password("Provider"); // of the kubelet's
const SecretForms Named = password("Named");       // of the Secret that Extensions name
const SecretForms Amazon = password("Amazon");     // ECR's, of this process' own identity
const SecretForms Google = token("Google");        // likewise
const SecretForms AccessKey = token("AccessKey");
const SecretForms Session = token("Session");
const SecretForms Container = token("Container");
const SecretForms Broken = password("Broken"); // of documents that cannot be read
const SecretForms Account = token("Account");  // the service account's
const SecretForms VaultToken = token("VaultToken");
const SecretForms Bearer = token("Bearer");
const SecretForms Signature = token("Signature");
const std::vector<const SecretForms*> All = {&Docker, &Plain,   &Cluster,    &Vault,   &Helper,    &Provider,
                                             &Named,  &Amazon,  &Google,     &Session, &AccessKey, &Container,
                                             &Broken, &Account, &VaultToken, &Bearer,  &Signature};
using Sources = std::vector<std::pair<std::string, const SecretForms*>>;
/// The sources whose credentials registries are shown. `named` is what Extensions are pulled from.
const Sources Configured = {{"team", &Docker},         {"plain", &Plain},   {"cluster", &Cluster},   {"vault", &Vault},
                            {"vault-account", &Vault}, {"helper", &Helper}, {"provider", &Provider}, {"named", &Named}};
/// Registries that know the proxy by its own identity.
const Sources Own = {{"google", &Google}, {"amazon", &Amazon}};

std::string hostOf(const std::string& source, const EchoRegistry& registry) {
    return source == "google" ? Cloud::GoogleHost : source == "amazon" ? Cloud::AmazonHost : registry.host();
}

/// A docker config with `password`, whose base64 is the only form that JSON does not change.
std::string configOf(const std::string& host, const std::string& text) {
    return dockerConfig(host, "mesh", text);
}

/// Documents that hold `text` and are no docker configs.
std::vector<std::string> brokenConfigs(const std::string& host, const std::string& text) {
    const auto good = configOf(host, text);
    const auto entry = [&](const std::string& value) { return R"({"auths":{")" + host + "\":" + value + "}}"; };
    return {good.substr(0, good.size() - 3),
            good + text,
            entry("{\"auth\":\"" + percentEncoded(text) + "\"}"),
            entry("{\"auth\":\"" + base64(text) + "\"}"),
            entry("{\"auth\":[\"" + base64(text) + "\"]}"),
            entry("{\"auth\":\"" + base64("mesh:" + text) + "\",\"auth\":\"" + base64("a:" + text) + "\"}"),
            entry("\"" + base64(text) + "\""),
            "{\"credsStore\":\"/" + base64(text) + "\"}",
            "[\"" + base64(text) + "\"]",
            text};
}

} // namespace

class SecretCanaryScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SecretCanaryScenarios);
    CPPUNIT_TEST(everyFormIsFound);
    CPPUNIT_TEST(nothingIsInTextOutputs);
    CPPUNIT_TEST(nothingIsInJsonOutputs);
    CPPUNIT_TEST(nothingIsInOutputsOfOwnIdentities);
    CPPUNIT_TEST(whatIsInWrongSettingsIsNotShown);
    CPPUNIT_TEST_SUITE_END();

    TemporaryFolder _folder;

    void everyFormIsFound() {
        const std::vector<const char*> names = {"plain", "base64", "base64url", "percent", "hex", "JSON"};
        for (const auto* secret : All) {
            CPPUNIT_ASSERT(secret->foundIn("nothing").empty());
            for (const std::string before : {"", "u:", "user:", "robot"}) {
                CPPUNIT_ASSERT(!secret->foundIn(before + secret->value()).empty());
                CPPUNIT_ASSERT(!secret->foundIn(base64(before + secret->value() + before)).empty());
                CPPUNIT_ASSERT(!secret->foundIn(percentEncoded(before + secret->value())).empty());
            }
            for (const auto& form : secret->forms())
                CPPUNIT_ASSERT_MESSAGE(form.text, form.text.size() > 8);
        }
        for (const auto* name : names)
            CPPUNIT_ASSERT_MESSAGE(name, std::any_of(Docker.forms().begin(), Docker.forms().end(),
                                                     [&](const auto& each) { return each.name == name; }));
    }

    void nothingIsInTextOutputs() { drive("text"); }
    void nothingIsInJsonOutputs() { drive("json"); }

    std::string section(const std::string& name, const std::string& lines) const {
        return "[credential." + name + "]\nplugin = " + lines + "\n";
    }
    static std::string route(const std::string& name, const std::string& host, const std::string& folder) {
        return "[route." + name + "]\nmatch = " + host + "/" + folder +
               "/**\nbackend = private\ncredentials = " + name + "\n";
    }

    static std::string jsonText(const std::string& text) {
        std::string result = "\"";
        for (const char c : text)
            result += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        return result + "\"";
    }
    /// What a kubelet and docker would run. `status` other than 0: they say the secret everywhere and fail.
    void writePrograms(const std::string& host, const std::string& status) const {
        const auto user = R"("username":"mesh","password":)";
        const std::map<std::string, std::string> answers = {
            {"docker-credential-canary",
             R"({"ServerURL":"x","Username":"mesh","Secret":)" + jsonText(Helper.value()) + "}"},
            {"provider", R"({"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1",)"
                         R"("cacheKeyType":"Image","auth":{")" +
                             host + "\":{" + user + jsonText(Provider.value()) + "}}}"}};
        for (const auto& [name, answer] : answers) {
            const auto said = _folder.write("inputs/said-" + name, answer);
            _folder.write("inputs/new",
                          "#!/bin/sh\ncat " + said + "\n[ " + status + " = 0 ] || cat " + said + " >&2\nexit " +
                              status + "\n",
                          0755);
            fs::rename(_folder / "inputs/new", _folder / ("inputs/" + name));
        }
    }
    std::string writeProvider(const std::string& host) const {
        return _folder.write("inputs/provider.yaml",
                             "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n"
                             "- name: provider\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n"
                             "  defaultCacheDuration: 0s\n  matchImages: [\"" +
                                 host + "\"]\n");
    }
    /// An Extension that is pulled with the Secret `named`, once the proxy knows it.
    void putExtension(const Proxy& proxy, const std::string& host, const std::string& way) const {
        _folder.write("new.yaml",
                      "apiVersion: extension.wasmproxy.io/v1alpha1\nkind: WasmExtension\nmetadata:\n  name: " + way +
                          "\nspec:\n  url: oci://" + host + "/named/" + way + ":v1\n  imagePullSecret: named\n");
        fs::rename(_folder / "new.yaml", _folder / ("extensions/" + way + ".yaml"));
        for (int tries = 1000; tries > 0; --tries, std::this_thread::sleep_for(std::chrono::milliseconds(20)))
            if (proxy.admin("/api/v1/extensions/" + way).status == 200) return;
        CPPUNIT_FAIL("the Extension " + way + " is not seen:\n" + proxy.log());
    }

    void drive(const std::string& format) {
        EchoRegistry registry(Bearer.value(), Signature.value());
        const auto host = registry.host();
        KubeApi api;
        api.requireToken(Account.value());
        api.putRegistrySecret("istio-system", "regcred", host, "mesh", Cluster.value());
        VaultServer vault;
        vault.token(VaultToken.value());
        vault.kubernetesRole("proxy", {Account.value()});
        vault.write("secret/registries/" + host, {{"username", "mesh"}, {"password", Vault.value()}});
        // Another user: what one is refused for must not keep the other from being shown.
        vault.write("secret/accounts/" + host, {{"username", "account"}, {"password", Vault.value()}});

        // What is right.
        Proxy::Options options{host};
        options.user = "mesh";
        options.password = Docker.value();
        options.route = "credentials = team";
        options.backend += "\nallow-private-addresses = true";
        options.pull = "hold = 400ms\nworkers = 32\nworkers-per-registry = 32";
        const auto kubeconfig =
            _folder.write("inputs/kubeconfig",
                          "current-context: t\ncontexts: [{name: t, context: {cluster: c, user: u, namespace: "
                          "istio-system}}]\nusers: [{name: u, user: {token: " +
                              Account.value() + "}}]\nclusters: [{name: c, cluster: {server: '" + api.url() + "'}}]\n");
        const auto vaultLines =
            "vault\naddress = " + vault.url() + "\nrefresh = 50ms\nretry = 50ms\nkeep = 1s\npath = " + "secret/data/";
        const auto withToken = "\nauth = token\ntoken-file = " + _folder.write("inputs/token", VaultToken.value());
        options.environment = {{"WASM_PROXY__LOG__FORMAT", format}};
        std::string more = section("plain", "file\nregistry = " + host + "\nusername = mesh\npassword-file = " +
                                                _folder.write("inputs/password", Plain.value() + "\n"));
        more +=
            section("cluster", "kubernetes\nnamespace = istio-system\nsecrets = regcred\nkubeconfig = " + kubeconfig);
        more += section("vault", vaultLines + "registries/{host}" + withToken);
        more += section("vault-account", vaultLines + "accounts/{host}\nauth = kubernetes\nrole = proxy\njwt-file = " +
                                             _folder.write("inputs/jwt", Account.value()));
        more += section("helper",
                        "file\ndocker-config = " + _folder.write("inputs/helper.json", R"({"credsStore":"canary"})") +
                            "\nhelper-path = " + (_folder / "inputs") + ", /bin");
        more += section("provider", "file\ncredential-provider-config = " + writeProvider(host) +
                                        "\ncredential-provider-bin-dir = " + (_folder / "inputs"));
        writePrograms(host, "0");
        api.putRegistrySecret("istio-system", "named", host, "mesh", Named.value());
        for (const char* name : {"plain", "cluster", "vault", "vault-account", "helper", "provider"})
            more += route(name, host, name); // `team` has the rig's route
        more += "[route.named]\nmatch = " + host + "/named/**\nbackend = private\ncredentials = cluster\n";
        // What is wrong.
        std::vector<std::string> wrong;
        const auto configs = brokenConfigs(host, Broken.value());
        for (std::size_t i = 0; i < configs.size(); ++i) {
            const auto number = std::to_string(i);
            wrong.push_back("broken-file" + number);
            more += section(wrong.back(), "file\ndocker-config = " + _folder.write("inputs/" + number, configs[i]));
            wrong.push_back("broken-secret" + number);
            api.putSecret("istio-system", "broken" + number, "kubernetes.io/dockerconfigjson",
                          {{".dockerconfigjson", configs[i]}});
            more += section(wrong.back(), "kubernetes\nnamespace = istio-system\nkubeconfig = " + kubeconfig +
                                              "\nsecrets = broken" + number);
            wrong.push_back("broken-vault" + number);
            vault.write("secret/broken" + number + "/" + host, {{".dockerconfigjson", configs[i]}});
            more += section(wrong.back(), vaultLines + "broken" + number + "/{host}" + withToken);
            wrong.push_back("broken-answer" + number);
            vault.answerWith("secret/data/answer" + number + "/" + host, configs[i]);
            more += section(wrong.back(), vaultLines + "answer" + number + "/{host}" + withToken);
        }
        wrong.push_back("broken-password");
        more += section(wrong.back(), "file\nregistry = " + host + "\nusername = mesh\npassword-file = " +
                                          _folder.write("inputs/two-lines", Broken.value() + "\n" + Broken.value()));
        for (const auto& name : wrong)
            more += route(name, host, name);
        _folder.write("extensions/wrong.yaml", "apiVersion: extension.tsb.tetrate.io/v2\nkind: WasmExtension\nmetadata:"
                                               "\n  name: wrong\nspec:\n  url: oci://mesh:" +
                                                   Broken.forms().front().text + "@" + host +
                                                   "/team/ok:v1\n  image: https://h/" +
                                                   "?X-Amz-Signature=" + Signature.value() + "\n");
        more += "[extensions]\ndirectory = " + (_folder / "extensions") + "\n";
        options.more = more;
        Proxy proxy(options);

        CanaryOutputs outputs(All);
        askInEveryWay(registry, proxy, Configured, outputs);
        askInParallel(proxy, host, wrong, "x:v1", outputs);
        troubleTheSources(proxy, api, vault, host, outputs);
        collect(proxy, registry, Configured, outputs);
        outputs.requireNone();
    }

    void nothingIsInOutputsOfOwnIdentities() {
        EchoRegistry registry(Bearer.value(), Signature.value());
        CanaryClouds clouds({Google, Amazon, AccessKey, Session, Container});
        Proxy::Options options{registry.host()};
        options.pull = "hold = 400ms\nworkers = 32\nworkers-per-registry = 32";
        options.environment = clouds.environment(_folder.write("inputs/container", Container.value()));
        options.more = clouds.sections(registry.host());
        Proxy proxy(options);
        CanaryOutputs outputs(All, options.environment);
        askInEveryWay(registry, proxy, Own, outputs);
        CPPUNIT_ASSERT(clouds.used());
        for (const bool deeper : {false, true}) {
            clouds.refuse(deeper);
            for (const char* host : {Cloud::GoogleHost, Cloud::AmazonHost})
                outputs.addRun({"--config=" + proxy.configuration(), "--explain=" + std::string(host) + "/x/no:v1"});
        }
        clouds.work();
        collect(proxy, registry, Own, outputs);
        outputs.requireNone();
    }

    /// Of every folder of the registry, the same.
    static void askInParallel(const Proxy& proxy, const std::string& host, const std::vector<std::string>& folders,
                              const std::string& rest, CanaryOutputs& outputs) {
        std::vector<HttpAnswer> answers(folders.size());
        std::vector<std::thread> clients;
        for (std::size_t i = 0; i < folders.size(); ++i)
            clients.emplace_back([&, i] { answers[i] = proxy.fetch(host + "/" + folders[i] + "/" + rest); });
        for (auto& client : clients)
            client.join();
        for (std::size_t i = 0; i < folders.size(); ++i) {
            CPPUNIT_ASSERT_MESSAGE(folders[i] + rest + answers[i].error, answers[i].status != 0);
            outputs.add("the answer for " + folders[i] + "/" + rest, answers[i]);
        }
    }

    void askInEveryWay(const EchoRegistry& registry, const Proxy& proxy, const Sources& sources,
                       CanaryOutputs& outputs) const {
        for (const auto& way : EchoRegistry::ways()) {
            if (sources.back().first == "named") putExtension(proxy, registry.host(), way);
            std::vector<HttpAnswer> answers(sources.size());
            std::vector<std::thread> clients;
            for (std::size_t i = 0; i < sources.size(); ++i)
                clients.emplace_back([&, i] {
                    const auto& source = sources[i].first;
                    const auto reference = hostOf(source, registry) + "/" + source + "/" + way + ":v1";
                    for (int tries = EchoRegistry::served(way) ? 20 : 1; tries > 0 && answers[i].status != 200; --tries)
                        answers[i] = proxy.fetch(reference);
                });
            for (auto& client : clients)
                client.join();
            for (std::size_t i = 0; i < sources.size(); ++i) {
                const auto& [source, secret] = sources[i];
                const auto name = source + "/" + way;
                CPPUNIT_ASSERT_MESSAGE(name + " does not come: " + answers[i].body + proxy.log(),
                                       !EchoRegistry::served(way) || answers[i].status == 200);
                // Else nothing would be tried.
                CPPUNIT_ASSERT_MESSAGE(name + " was shown nothing\n" + proxy.log(),
                                       registry.shown(name, way == "bearer-ok" ? Bearer.value() : secret->value()));
                outputs.add("the answer for " + name, answers[i]);
            }
        }
        CPPUNIT_ASSERT(registry.signedRequests() > 0);
    }

    /// What sources say when they are asked in vain, and secrets that were good and are broken now.
    void troubleTheSources(const Proxy& proxy, KubeApi& api, VaultServer& vault, const std::string& host,
                           CanaryOutputs& outputs) const {
        const std::vector<std::string> all = {"team",          "plain",  "cluster", "vault",
                                              "vault-account", "helper", "provider"};
        auto ask = [&, number = 0](const std::string& what) mutable {
            askInParallel(proxy, host, all, what + std::to_string(++number) + ":v1", outputs);
        };
        vault.say("token " + VaultToken.value() + " of " + Account.value() + " reads " + Vault.value() + " " +
                  base64(Vault.value()));
        for (const int status : {400, 403, 404, 412, 429, 500, 503}) {
            vault.fail(status, "X-Echo: " + VaultToken.value() + "\r\n");
            ask("vault" + std::to_string(status));
        }
        vault.fail(0);
        writePrograms(host, "1");
        ask("failed");
        vault.redirect("http://localhost:1/" + VaultToken.value());
        ask("moved");
        vault.redirect("");
        for (const auto& config : brokenConfigs(host, Broken.value())) {
            proxy.setDockerConfig(config);
            for (const char* secret : {"regcred", "named"})
                api.putSecret("istio-system", secret, "kubernetes.io/dockerconfigjson",
                              {{".dockerconfigjson", config}});
            outputs.add("the answer for an Extension with a broken Secret", proxy.get("/extensions/echo-404.wasm"));
            for (const char* folder : {"secret/registries/", "secret/accounts/"})
                vault.write(folder + host, {{".dockerconfigjson", config}});
            ask("broken");
        }
        vault.revokeTokens();
        KubeApi::Faults faults;
        faults.garbage = R"({"type":"ADDED","object":{"data":")" + base64(Cluster.value()) + Account.value();
        api.setFaults(faults);
        api.putRegistrySecret("istio-system", "regcred", host, "mesh", Cluster.value());
        ask("garbage");
        api.setFaults({});
        api.requireToken("another");
        api.endWatches();
        ask("refused");
        api.goAway();
        ask("gone");
        // So that what follows does not wait for them.
        api.comeBack();
        api.requireToken(Account.value());
        api.putRegistrySecret("istio-system", "named", host, "mesh", Named.value());
        vault.token(VaultToken.value());
        writePrograms(host, "0");
    }

    /// As the sources have them, so that no new one is left out.
    static std::set<std::string> adminPaths() {
        std::set<std::string> paths;
        for (const auto& entry : fs::recursive_directory_iterator(SOURCE_ROOT "/host")) {
            if (entry.path().extension() != ".cpp") continue;
            const auto text = readFile(entry.path());
            for (auto at = text.find("/api/v1/"); at != std::string::npos; at = text.find("/api/v1/", at + 1)) {
                const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-/", at);
                paths.insert(text.substr(at, end - at));
            }
        }
        CPPUNIT_ASSERT(paths.size() >= 4);
        return paths;
    }

    void collect(Proxy& proxy, const EchoRegistry& registry, const Sources& sources, CanaryOutputs& outputs) const {
        const auto host = registry.host();
        const auto own = registry.echoes();
        for (const auto& path : adminPaths())
            for (const char* rest : {"", "?limit=1", "?ref=x", "/x"})
                outputs.add("admin " + path + rest, proxy.admin(path + rest));
        for (const auto& [source, secret] : sources)
            for (const char* way : {"ok", "echo-400", "echo-401", "signed-denied"})
                outputs.add("admin resolve", proxy.admin("/api/v1/resolve?ref=oci://" + hostOf(source, registry) + "/" +
                                                         source + "/" + way + ":v1"));
        for (const char* path : {"/metrics", "/healthz", "/readyz", "/"})
            outputs.add(std::string("health ") + path, proxy.health(path));
        for (const char* name : {"wrong", "ok", "echo-400", "bearer-500"})
            outputs.add("the answer for an Extension", proxy.get(std::string("/extensions/") + name + ".wasm"));
        outputs.addProcess(proxy.child().pid());
        const auto config = "--config=" + proxy.configuration();
        outputs.addRun({config, "--check-config"});
        outputs.addRun({"--print-settings"});
        outputs.addRun({"--print-settings=markdown"});
        outputs.addRun({"--version"});
        for (const auto& [source, secret] : sources)
            for (const char* way : {"echo-400", "bearer-ok"})
                outputs.addRun({config, "--explain=" + hostOf(source, registry) + "/" + source + "/" + way + ":v1"});
        for (const char* folder : {"broken-file0", "broken-secret3", "broken-vault2", "broken-answer1"})
            outputs.addRun({config, "--explain=" + host + "/" + folder + "/x:v1"});
        // While it runs, with what SQLite writes ahead; and what is left of it.
        outputs.addFolder(proxy.folder().path(), {"docker-config.json"}, own);
        proxy.terminate();
        outputs.addFolder(proxy.folder().path(), {"docker-config.json"}, own);
        outputs.addFolder(_folder.path(), {"inputs/", "extensions/"});
    }

    /// A password where settings have no place for one.
    void whatIsInWrongSettingsIsNotShown() {
        CanaryOutputs outputs(All);
        const auto file = _folder.write(
            "secrets.ini", "[cache.main]\ndirectory = /tmp/x\n[credential.a]\npassword = " + Plain.value() +
                               "\nusername = x\n[credential.b]\n" +
                               "plugin = vault\naddress = https://user:" + Bearer.value() +
                               "@vault.example\nauth = token\npath = secret/x\ntoken = " + VaultToken.value() +
                               "\n[backend.c]\nplugin = oci\nproxy = " + "http://user:" + Signature.value() +
                               "@proxy.example:1\n[route.r]\nmatch = x.example/**\n");
        outputs.addRun({"--config=" + file, "--check-config"});
        outputs.addRun({"--config=" + file});
        outputs.requireNone();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SecretCanaryScenarios);
