// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionReader.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

const std::string Head = "apiVersion: extension.tsb.tetrate.io/v2\nkind: WasmExtension\nmetadata: {name: authz}\n";

std::vector<ExtensionDocument> yaml(const std::string& text) {
    return readExtensions(text, DocumentFormat::Yaml, "a.yaml");
}

std::string problems(const std::vector<ExtensionDocument>& documents) {
    std::string text;
    for (const auto& document : documents)
        for (const auto& problem : document.problems)
            text += "[" + problem.field + ": " + problem.message + "]";
    return text;
}

/// The one good document of a spec, written as a flow map.
Extension spec(const std::string& fields) {
    const auto documents = yaml(Head + "spec: {" + fields + "}\n");
    CPPUNIT_ASSERT_EQUAL_MESSAGE(fields, std::string(), problems(documents));
    CPPUNIT_ASSERT_EQUAL(std::size_t(1), documents.size());
    return *documents[0].extension;
}

} // namespace

class ExtensionReaderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExtensionReaderTest);
    CPPUNIT_TEST(tetratesDocument);
    CPPUNIT_TEST(theExampleIsGood);
    CPPUNIT_TEST(ourDocumentAsJson);
    CPPUNIT_TEST(urls);
    CPPUNIT_TEST(policies);
    CPPUNIT_TEST(problemsNameTheField);
    CPPUNIT_TEST(noSecretIsInAProblem);
    CPPUNIT_TEST(documentsOfAStreamAreJudgedAlone);
    CPPUNIT_TEST(scalarsKeepTheirKind);
    CPPUNIT_TEST(hostileYaml);
    CPPUNIT_TEST_SUITE_END();

    void tetratesDocument() {
        const auto documents = yaml(R"(# as tctl writes it
apiVersion: extension.tsb.tetrate.io/v2
kind: WasmExtension
metadata:
  name: wasm-auth
  organization: tetrate
  resourceVersion: '"abc="'
spec:
  allowedIn:
    - organizations/tetrate/tenants/payments
  displayName: Wasm auth
  etag: '"xyz="'
  fqn: organizations/tetrate/extensions/wasm-auth
  url: oci://docker.io/tetrate/xcp-wasm-e2e:0.3
  imagePullPolicy: IfNotPresent
  imagePullSecret: regcred
  source: https://github.com/tetrateio/x
  phase: AUTHZ
  priority: -1000
  description: Checks every request
  config:
    some_key: "some \"value\""
    deep: [1, 1.5, true, null, "true", {a: b}]
  match:
    mode: SERVER
  vmConfig:
    env:
      - name: TRUST_DOMAIN
        valueFrom: INLINE
        value: cluster.local
)");
        CPPUNIT_ASSERT_EQUAL(std::string(), problems(documents));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), documents.size());
        CPPUNIT_ASSERT_EQUAL(std::string("wasm-auth"), documents[0].name);
        const auto& extension = *documents[0].extension;
        CPPUNIT_ASSERT_EQUAL(std::string("wasm-auth"), extension.name);
        CPPUNIT_ASSERT_EQUAL(std::string("a.yaml"), extension.origin);
        CPPUNIT_ASSERT_EQUAL(std::string("oci://docker.io/tetrate/xcp-wasm-e2e:0.3"), extension.url);
        CPPUNIT_ASSERT_EQUAL(std::string("docker.io/tetrate/xcp-wasm-e2e:0.3"), extension.reference.str());
        CPPUNIT_ASSERT(extension.httpUrl.empty() && !extension.sha256);
        CPPUNIT_ASSERT(extension.pullPolicy == Extension::PullPolicy::IfNotPresent);
        CPPUNIT_ASSERT_EQUAL(std::string("regcred"), extension.imagePullSecret);
        CPPUNIT_ASSERT_EQUAL(std::string("organizations/tetrate/tenants/payments"), extension.allowedIn.at(0));
        CPPUNIT_ASSERT_EQUAL(std::string("AUTHZ"), extension.phase);
        CPPUNIT_ASSERT_EQUAL(std::int64_t(-1000), extension.priority);
        CPPUNIT_ASSERT_EQUAL(std::string("Checks every request"), extension.description);
        CPPUNIT_ASSERT_EQUAL(std::string("https://github.com/tetrateio/x"), extension.source);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"some_key":"some \"value\"","deep":[1,1.5,true,null,"true",{"a":"b"}]})"),
                             extension.config);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"mode":"SERVER"})"), extension.match);
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"env":[{"name":"TRUST_DOMAIN","valueFrom":"INLINE","value":"cluster.local"}]})"),
            extension.vmConfig);
    }

    void theExampleIsGood() {
        std::ostringstream text;
        text << std::ifstream(SOURCE_ROOT "/config/examples/wasm-extension.yaml").rdbuf();
        const auto documents = yaml(text.str());
        CPPUNIT_ASSERT_EQUAL(std::string(), problems(documents));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), documents.size());
    }

    void ourDocumentAsJson() {
        const std::string hex(64, 'c');
        const auto documents = readExtensions(
            R"({"apiVersion":"extension.wasmproxy.io/v1alpha1","kind":"WasmExtension","metadata":{"name":"a.b",)"
            R"("managedFields":[{"x":1}]},"spec":{"url":"https://files.example/x.wasm","sha256":")" +
                hex + R"(","priority":-5,"config":{"n":-1.5,"big":9007199254740992,"s":"\ud83d\ude00\u0001"}},)" +
                R"("status":{"module":"x"}})",
            DocumentFormat::Json, "istio-system/a.b");
        CPPUNIT_ASSERT_EQUAL(std::string(), problems(documents));
        const auto& extension = *documents.at(0).extension;
        CPPUNIT_ASSERT_EQUAL(std::string("https://files.example/x.wasm"), extension.httpUrl);
        CPPUNIT_ASSERT(extension.reference == referenceOfUrl(extension.httpUrl));
        CPPUNIT_ASSERT_EQUAL("sha256:" + hex, extension.sha256.value().str());
        CPPUNIT_ASSERT_EQUAL(std::int64_t(-5), extension.priority);
        CPPUNIT_ASSERT_EQUAL(std::string("{\"n\":-1.5,\"big\":9007199254740992,\"s\":\"\xf0\x9f\x98\x80\\u0001\"}"),
                             extension.config);
        for (const std::string& bad : {std::string("{"), std::string("[]"), std::string("{\"a\":1,\"a\":2}"),
                                       std::string(100, '['), std::string("")}) {
            const auto refused = readExtensions(bad, DocumentFormat::Json, "x");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::size_t(1), refused.size());
            CPPUNIT_ASSERT_MESSAGE(bad, !refused[0].extension && !refused[0].problems.empty());
        }
    }

    void urls() {
        const std::string digest = "sha256:" + std::string(64, 'a');
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/a:v1"), spec("url: 'ghcr.io/o/a:v1'").url);
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/a:v1"), spec("url: 'OCI://ghcr.io/o/a:v1'").url);
        CPPUNIT_ASSERT_EQUAL(std::string("docker.io/library/a:latest"), spec("url: a").reference.str());
        CPPUNIT_ASSERT_EQUAL("ghcr.io/o/a@" + digest, spec("url: 'ghcr.io/o/a@" + digest + "'").reference.str());
        CPPUNIT_ASSERT_EQUAL(std::string("https://F.example/x"), spec("url: 'HTTPS://F.example/x'").httpUrl);
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/old:v1"), spec("image: 'ghcr.io/o/old:v1'").url);
        CPPUNIT_ASSERT_EQUAL(std::string("oci://ghcr.io/o/a:v1"),
                             spec("url: 'ghcr.io/o/a:v1', image: 'ghcr.io/o/old:v1'").url);
        CPPUNIT_ASSERT_EQUAL(digest, spec("url: a, sha256: '" + digest + "'").sha256->str());
        CPPUNIT_ASSERT(spec("url: a, imagePullSecret: '', sha256: null, phase: ''").imagePullSecret.empty());
    }

    void policies() {
        using Policy = Extension::PullPolicy;
        const std::pair<const char*, Policy> rows[] = {
            {"url: 'a:v1'", Policy::IfNotPresent},
            {"url: a", Policy::Always},
            {"url: 'a:latest', imagePullPolicy: UNSPECIFIED_POLICY", Policy::Always},
            {"url: 'a:latest', imagePullPolicy: IfNotPresent", Policy::IfNotPresent},
            {"url: 'a:v1', imagePullPolicy: Always", Policy::Always},
            {"url: 'https://h.example/x'", Policy::IfNotPresent},
        };
        for (const auto& [fields, policy] : rows)
            CPPUNIT_ASSERT_MESSAGE(fields, spec(fields).pullPolicy == policy);
    }

    void problemsNameTheField() {
        const std::string hex(64, 'a');
        const std::pair<std::string, std::string> rows[] = {
            {"", "[spec.url: is missing"},
            {"url: ''", "[spec.url: is missing"},
            {"url: 5", "[spec.url: must be a text, not a number; write it in quotes]"},
            {"url: [a]", "[spec.url: must be a text, not a list]"},
            {"url: 'file:///a.wasm'", "[spec.url: file:// is read by each proxy"},
            {"url: 'ftp://a/b'", "[spec.url: its scheme must be oci, http or https"},
            {"url: 'oci://ghcr.io/O/a'", "[spec.url: the repository path 'O/a' is not valid"},
            {"url: 'https://h.example/x#y'", "[spec.url: the url is not valid: it has a fragment"},
            {"image: 'ghcr.io/O/a'", "[spec.image: "},
            {"url: a, Url: b", "[spec.Url: is not known; did you mean url?]"},
            {"url: a, imagePullSecrets: b", "[spec.imagePullSecrets: is not known; did you mean imagePullSecret?]"},
            {"url: a, image_pull_secret: b", "did you mean imagePullSecret?"},
            {"url: a, verificationKey: b", "[spec.verificationKey: is not known; known are url, image"},
            {"url: a, imagePullPolicy: always", "[spec.imagePullPolicy: 'always' is none of UNSPECIFIED_POLICY"},
            {"url: a, imagePullSecret: ns/regcred", "[spec.imagePullSecret: is the name of a Secret without"},
            {"url: a, imagePullSecret: Reg_cred", "[spec.imagePullSecret: must be a Secret's name"},
            {"url: a, imagePullSecret: a..b", "[spec.imagePullSecret: must be a Secret's name"},
            {"url: a, sha256: abc", "[spec.sha256: must be 64 lower-case hex digits"},
            {"url: a, sha256: 'sha512:" + hex + hex + "'", "[spec.sha256: must be 64 lower-case hex digits"},
            {"url: 'a@sha256:" + hex + "', sha256: " + hex, "[spec.sha256: is of the module's bytes"},
            {"url: a, allowedIn: x", "[spec.allowedIn: must be a list, not a text]"},
            {"url: a, allowedIn: [x, '']", "[spec.allowedIn[1]: must be a text that is not empty]"},
            {"url: a, phase: FIRST", "[spec.phase: 'FIRST' is none of"},
            {"url: a, priority: 1.5", "[spec.priority: must be a whole number from"},
            {"url: a, priority: 2147483648", "[spec.priority: must be a whole number from"},
            {"url: a, priority: '1'", "[spec.priority: must be a whole number, not a text]"},
            {"url: a, config: text", "[spec.config: must be a map, not a text]"},
            {"url: a, config: {x: " + std::string(300000, 'y') + "}", "[spec.config: is larger than 256 KiB]"},
            {"url: a, match: text", "[spec.match: must be a map or a list, not a text]"},
            {"url: a, vmConfig: {env: [{name: 1a}]}", "[spec.vmConfig.env[0].name: must be letters"},
            {"url: a, vmConfig: {env: [{name: a, valueFrom: FILE}]}", "[spec.vmConfig.env[0].valueFrom: 'FILE'"},
            {"url: a, vmConfig: {env: [a]}", "[spec.vmConfig.env[0]: must be a map"},
            {"url: a, vmConfig: {environment: []}", "[spec.vmConfig.environment: is not known"},
        };
        for (const auto& [fields, expected] : rows) {
            const auto documents = yaml(Head + "spec: {" + fields + "}\n");
            const auto found = problems(documents);
            CPPUNIT_ASSERT_MESSAGE(fields + " gave " + found, found.find(expected) != std::string::npos);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(fields, std::string("authz"), documents.at(0).name);
            CPPUNIT_ASSERT(!documents[0].extension);
        }
        const std::pair<std::string, std::string> whole[] = {
            {"text", "[: must be a map with apiVersion"},
            {"{}", "[metadata.name: is missing]"},
            {"{kind: WasmExtension, apiVersion: extension.tsb.tetrate.io/v2, metadata: {name: A}}",
             "[metadata.name: must be a DNS name"},
            {"{kind: Secret, apiVersion: v1, metadata: {name: a}, data: {x: y}}", "[kind: 'Secret' is none of"},
            {"{kind: WasmExtension, apiVersion: extension.tsb.tetrate.io/v1, metadata: {name: a}}", "[apiVersion: "},
            {"{kind: WasmExtension, metadata: {name: a}}", "[apiVersion: must be extension.tsb.tetrate.io/v2 or"},
            {Head, "[spec: is missing]"},
            {Head + "spec: [url]", "[spec: must be a map, not a list]"},
            {Head + "spec: {url: a}\nspecs: 1", "[specs: is not known; did you mean spec?]"},
            {Head + "spec: {url: a, url: b}", "[: line 4: the key 'url' stands twice]"},
            {"a: b\n  c: [", "[: line 2: not YAML: "},
        };
        for (const auto& [text, expected] : whole) {
            const auto found = problems(yaml(text));
            CPPUNIT_ASSERT_MESSAGE(text + " gave " + found, found.find(expected) != std::string::npos);
        }
        // All at once, not one after the other.
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), yaml(Head + "spec: {url: 5, phase: x, priority: y}")[0].problems.size());
    }

    void noSecretIsInAProblem() {
        for (const std::string url :
             {"oci://robot:hunter2@ghcr.io/o/a", "https://robot:hunter2@h.example/x", "oci://robot:hunter2@ghcr.io",
              "robot:hunter2@ghcr.io/o/a", "oci://robot:hunter2 @ghcr.io/o/a", "https://robot:hunter2 @h.example",
              "ftp://robot:hunter2@h.example", "file://robot:hunter2@h/x"}) {
            const auto found = problems(yaml(Head + "spec: {url: '" + url + "'}"));
            CPPUNIT_ASSERT_MESSAGE(url + " gave " + found,
                                   !found.empty() && found.find("hunter2") == std::string::npos);
        }
        const auto found = problems(yaml(Head + "spec: {url: a, config: hunter2, vmConfig: {env: [{name: 'a b', "
                                                "value: hunter2}]}}"));
        CPPUNIT_ASSERT(!found.empty() && found.find("hunter2") == std::string::npos);
    }

    void documentsOfAStreamAreJudgedAlone() {
        const auto named = [](const std::string& name) {
            return "apiVersion: extension.wasmproxy.io/v1alpha1\nkind: WasmExtension\nmetadata:\n  name: " + name +
                   "\nspec:\n  url: ghcr.io/o/" + name + "\n";
        };
        const auto documents =
            yaml("# a comment\n%YAML 1.2\n---\n" + named("a") + "---\nbroken: [\n--- # b\n" + named("b") +
                 "...\n\n---\n# nothing\n---\n" + named("c") +
                 "  description: |\n    ----\n    text\n --- not a marker\n---x: y\n---\t\n" + named("d"));
        std::string names;
        for (const auto& document : documents)
            names += document.extension ? document.name + " " : "(" + document.problems.at(0).message + ") ";
        CPPUNIT_ASSERT_EQUAL(std::size_t(5), documents.size());
        CPPUNIT_ASSERT_EQUAL(std::string("a.yaml"), documents[0].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("a.yaml (document 2)"), documents[1].origin);
        CPPUNIT_ASSERT_MESSAGE(names, documents[0].extension && documents[2].extension && documents[4].extension);
        CPPUNIT_ASSERT_MESSAGE(names, !documents[1].extension && names.find("(line 12: not YAML") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(names, !documents[3].extension);
        CPPUNIT_ASSERT_EQUAL(std::string("d"), documents[4].name);
        CPPUNIT_ASSERT(yaml("").empty() && yaml("# only\n---\n---\n...\n").empty());

        std::string many;
        for (int i = 0; i < 1001; ++i)
            many += "--- 1\n";
        CPPUNIT_ASSERT_EQUAL(std::size_t(1001), yaml(many).size());
        CPPUNIT_ASSERT(yaml(many).back().problems[0].message.find("more than 1000") != std::string::npos);
        CPPUNIT_ASSERT(problems(yaml(std::string((1 << 20) + 1, ' '))).find("1 MiB") != std::string::npos);
        // Windows' line ends and a byte order mark.
        std::string dos = "\xef\xbb\xbf" + named("a") + "---\n" + named("b");
        for (std::size_t at = 0; (at = dos.find('\n', at)) != std::string::npos; at += 2)
            dos.insert(at, "\r");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(problems(yaml(dos)), std::size_t(2), yaml(dos).size());
        CPPUNIT_ASSERT_EQUAL(std::string(), problems(yaml(dos)));
    }

    void scalarsKeepTheirKind() {
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"a":"007","b":"0x1f","c":-0.5e3,"d":true,"e":"yes","f":null,"g":"1","1":"1.","h":"text"})"),
            spec("url: x, config: {a: 007, b: 0x1f, c: -0.5e3, d: True, e: yes, f: ~, g: \"1\", 1: 1., h: !!str text}")
                .config);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":[1,{"b":2}],"c":[1,{"b":2}]})"),
                             spec("url: x, config: {a: &x [1, {b: 2}], c: *x}").config);
    }

    void hostileYaml() {
        std::string laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
        for (int i = 1; i < 10; ++i) {
            laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
            for (int j = 0; j < 9; ++j)
                laughs += (j ? ", *a" : "*a") + std::to_string(i - 1);
            laughs += "]\n";
        }
        std::string wide = "a: &a " + std::string(100000, 'x') + "\nb: [";
        for (int i = 0; i < 1000; ++i)
            wide += "*a, ";
        std::string keys = "{";
        for (int i = 0; i < 60000; ++i)
            keys += "k" + std::to_string(i) + ": 1, ";
        std::string explicitKeys;
        for (int i = 0; i < 20000; ++i)
            explicitKeys += "? ";
        const std::pair<std::string, std::string> rows[] = {
            {laughs, "counting each use of an alias"},
            {wide + "c]\n", "counting each use of an alias"},
            {keys + "k: 1}", "100000 values"},
            {"a: &a [*a]", "not complete"},
            {"a: *b", "not YAML"},
            {std::string(70, '[') + std::string(70, ']'), "64 deep"},
            {std::string(100000, '['), ""},
            {std::string(100000, '{'), ""},
            {std::string(100000, '-'), ""},
            {explicitKeys, ""},
            {"? [a]\n: b", "a key must be a text"},
            {"? \n: b", "a key must be a text"},
            {"a: !!binary aGk=", "tags such as"},
            {"a: !x {b: c}", "tags such as"},
            {"a: \"\\ud83d\"", ""},
            {std::string("a: b\0c", 6), "not UTF-8"},
            {"\xff\xfe"
             "a\x01",
             "not UTF-8"},
            {"a: \"s\xc3t\"", "not UTF-8"},
            {"a: \xed\xa0\x80", "not UTF-8"},
            {"a: \xc0\x80", "not UTF-8"},
            {"a: b\xe2\x82", "not UTF-8"},
            {"a:\tb\n\tc: d", ""},
            {"}", ""},
            {"\"", ""},
        };
        const auto start = std::chrono::steady_clock::now();
        for (const auto& [text, expected] : rows) {
            const auto documents = yaml(text);
            const auto found = problems(documents);
            const bool none = std::none_of(documents.begin(), documents.end(),
                                           [](const ExtensionDocument& document) { return bool(document.extension); });
            CPPUNIT_ASSERT_MESSAGE(text.substr(0, 80), none && !documents.empty());
            CPPUNIT_ASSERT_MESSAGE(text.substr(0, 80) + " gave " + found, found.find(expected) != std::string::npos);
        }
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExtensionReaderTest);
