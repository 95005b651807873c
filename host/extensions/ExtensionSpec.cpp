// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionSpec.h"

#include "extensions/ExtensionReader.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr std::size_t LongestUrl = 4 * 1024;
constexpr std::size_t LargestJson = 256 * 1024;
constexpr std::size_t MostVariables = 256;

const std::vector<std::string> Known{"url",       "image",       "imagePullPolicy", "imagePullSecret", "sha256",
                                     "allowedIn", "phase",       "priority",        "config",          "match",
                                     "vmConfig",  "description", "source"};
/// What Tetrate's own tools write beside them; nothing here depends on it.
const std::vector<std::string> Ignored{"displayName", "etag", "fqn", "resourceVersion", "configGenerationMetadata"};

/// The artifact of what follows oci://. An error's text never has the url where that may hold a password.
Reference artifact(const std::string& text) {
    const auto at = text.find('@');
    const auto after = at == std::string::npos ? "" : text.substr(at + 1);
    const bool digest = after.compare(0, 3, "sha") == 0 && after.find('/') == std::string::npos;
    if (at != std::string::npos && !digest)
        throw Error(ErrorCode::ReferenceInvalid, "a user name or a password does not belong in a url",
                    "put them into a Secret and name it as imagePullSecret");
    return Reference::parse(text);
}

void readUrl(const ExtensionFields& fields, const DocumentNode& spec, Extension& extension) {
    std::string url = fields.text("url");
    const char* key = "url";
    if (url.empty()) {
        url = fields.text("image");
        if (!url.empty()) key = "image";
    }
    if (const auto* node = spec.find(key); node && node->kind != DocumentNode::Kind::Text) return; // said already
    if (url.empty()) return fields.problem("url", "is missing: write oci://host/repository:tag, or an http(s) url");
    if (url.size() > LongestUrl) return fields.problem(key, "is longer than 4 KiB");
    const auto colon = url.find("://");
    if (colon == std::string::npos) {
        url.insert(0, "oci://");
    } else {
        std::transform(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(colon), url.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    }
    const auto scheme = url.substr(0, url.find("://"));
    try {
        if (scheme == "oci") {
            extension.reference = artifact(url.substr(6));
        } else if (scheme == "http" || scheme == "https") {
            extension.reference = referenceOfUrl(url);
            extension.httpUrl = url;
        } else if (scheme == "file") {
            return fields.problem(key, "file:// is read by each proxy from its own image and is not served from here; "
                                       "push the module to a registry, or give the proxies the file:// url themselves");
        } else {
            return fields.problem(key, "its scheme must be oci, http or https (none means oci)");
        }
        extension.url = url;
    } catch (const Error& e) {
        fields.problem(key, std::string(e.what()) + (e.hint().empty() ? "" : "; " + e.hint()));
    }
}

void readPolicy(const ExtensionFields& fields, Extension& extension) {
    const auto policy = fields.oneOf("imagePullPolicy", {"UNSPECIFIED_POLICY", "IfNotPresent", "Always"});
    const auto& reference = extension.reference;
    // As Istio has it: `latest` is asked for again where nothing is said.
    const bool latest = extension.httpUrl.empty() && !reference.digest() && reference.tag() == "latest";
    const bool said = policy == "IfNotPresent" || policy == "Always";
    extension.pullPolicy =
        policy == "Always" || (!said && latest) ? Extension::PullPolicy::Always : Extension::PullPolicy::IfNotPresent;
}

void readSecret(const ExtensionFields& fields, Extension& extension) {
    const auto secret = fields.text("imagePullSecret");
    if (secret.find('/') != std::string::npos)
        return fields.problem("imagePullSecret", "is the name of a Secret without a namespace: it lies where "
                                                 "wasm-proxy looks for Secrets, the control plane's");
    if (!secret.empty() && !isDnsSubdomain(secret))
        return fields.problem("imagePullSecret", "must be a Secret's name: lower-case letters, digits, '-' and '.'");
    extension.imagePullSecret = secret;
}

void readSha256(const ExtensionFields& fields, Extension& extension) {
    const auto text = fields.text("sha256");
    if (text.empty()) return;
    const bool bare = text.find(':') == std::string::npos;
    const auto digest = Digest::tryParse(bare ? "sha256:" + text : text);
    if (!digest || digest->algorithm() != "sha256")
        return fields.problem("sha256", "must be 64 lower-case hex digits, the SHA-256 of the module's bytes");
    if (extension.reference.digest() == digest)
        return fields.problem("sha256", "is of the module's bytes, and this is the manifest's digest, which the url "
                                        "pins already: leave it out, or write the module's");
    extension.sha256 = digest;
}

/// A map or list that is only kept, as JSON.
std::string kept(const ExtensionFields& fields, const char* key, const DocumentNode* node) {
    if (!node) return {};
    auto json = node->json();
    if (json.size() <= LargestJson) return json;
    fields.problem(key, "is larger than 256 KiB");
    return {};
}

bool isVariable(const std::string& name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && plain(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || (c >= '0' && c <= '9'); });
}

void readVmConfig(const ExtensionFields& fields, std::vector<ExtensionProblem>& problems, Extension& extension) {
    const auto* vm = fields.map("vmConfig");
    if (!vm) return;
    const ExtensionFields inside(*vm, fields.path("vmConfig"), problems);
    inside.refuseOthers({"env"});
    if (const auto* env = inside.list("env")) {
        if (env->items.size() > MostVariables) inside.problem("env", "has more than 256 variables");
        for (std::size_t i = 0; i < std::min(env->items.size(), MostVariables); ++i) {
            const auto place = "env[" + std::to_string(i) + "]";
            if (env->items[i].kind != DocumentNode::Kind::Map) {
                inside.problem(place, "must be a map with name and value");
                continue;
            }
            const ExtensionFields variable(env->items[i], inside.path(place), problems);
            variable.refuseOthers({"name", "valueFrom", "value"});
            if (!isVariable(variable.text("name")))
                variable.problem("name", "must be letters, digits and '_', beginning with no digit");
            variable.oneOf("valueFrom", {"INLINE", "HOST"});
            variable.text("value");
        }
    }
    extension.vmConfig = kept(fields, "vmConfig", vm);
}

void readMatch(const ExtensionFields& fields, const DocumentNode& spec, Extension& extension) {
    const auto* match = spec.find("match");
    if (!match) return;
    if (match->kind != DocumentNode::Kind::Map && match->kind != DocumentNode::Kind::List)
        return fields.problem("match", std::string("must be a map or a list, not ") + match->kindName());
    extension.match = kept(fields, "match", match);
}

} // namespace

void readExtensionSpec(const DocumentNode& spec, Extension& extension, std::vector<ExtensionProblem>& problems) {
    const ExtensionFields fields(spec, "spec", problems);
    fields.refuseOthers(Known, Ignored);
    readUrl(fields, spec, extension);
    readPolicy(fields, extension);
    readSecret(fields, extension);
    readSha256(fields, extension);
    extension.allowedIn = fields.texts("allowedIn");
    extension.phase = fields.oneOf("phase", {"UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"});
    extension.priority = fields.integer("priority", INT32_MIN, INT32_MAX);
    extension.description = fields.text("description");
    extension.source = fields.text("source");
    extension.config = kept(fields, "config", fields.map("config"));
    readMatch(fields, spec, extension);
    readVmConfig(fields, problems, extension);
}

} // namespace wasmproxy::host
