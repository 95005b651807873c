// SPDX-License-Identifier: Apache-2.0
#include "ArtifactFixture.h"

#include "host/wasm/ArchiveBuilder.h"
#include "support/IstioAgent.h"
#include "support/Push.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <stdexcept>

namespace wasmproxy::test {
namespace {

Poco::JSON::Object::Ptr parsed(const std::string& json) {
    try {
        return Poco::JSON::Parser().parse(json).extract<Poco::JSON::Object::Ptr>();
    } catch (const Poco::Exception& failure) {
        throw std::runtime_error(failure.displayText() + " in: " + json);
    }
}

} // namespace

ImageContent artifact(const std::string& configType, const std::vector<ImageContent::Layer>& layers,
                      const std::string& config) {
    ImageContent image;
    image.configMediaType = configType;
    image.config = config;
    image.layers = layers;
    return image;
}

ImageContent dockerImage(const std::vector<ImageContent::Layer>& layers) {
    auto image =
        artifact(type::DockerConfig, layers, R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}})");
    image.mediaType = type::DockerManifest;
    return image;
}

std::string tarWith(const std::string& path, const std::string& bytes) {
    return host::ArchiveBuilder().file(path, bytes).tar();
}

ImageContent compat(const std::string& module) {
    return artifact(type::OciConfig, {{type::OciTarGzip, host::gzip(tarWith("plugin.wasm", module))}});
}

void ArtifactFixture::setUp() {
    // CppUnit calls no tearDown() after a setUp() that threw.
    auto upstream = std::make_unique<PrivateRegistry>();
    _proxy = std::make_unique<Proxy>(Proxy::Options{upstream->registry.host()});
    _upstream = std::move(upstream);
}

void ArtifactFixture::tearDown() {
    const auto upstream = std::move(_upstream);
    const auto proxy = std::move(_proxy);
    if (proxy) CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy->log(), 0, proxy->terminate());
}

void ArtifactFixture::restart(const Proxy::Options& options) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(_proxy->log(), 0, _proxy->terminate());
    _proxy = std::make_unique<Proxy>(options);
}

WrittenManifest ArtifactFixture::pushIndex(const std::vector<ChildImage>& children, const char* mediaType) {
    const auto name = newName();
    OciLayout layout(_upstream->folder / ("index" + std::to_string(_count)));
    auto index = layout.addIndex(children, "v", mediaType);
    push(host(), layout.path(), "v", name, "robot", "right");
    return index;
}

void ArtifactFixture::checkServed(const std::string& layout, const std::string& module, const std::string& digest,
                                  const std::string& selected) {
    const auto answer = _proxy->fetch(reference());
    const auto what = layout + " as " + reference() + ": " + answer.error;
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what + answer.body.substr(0, 1000), 200, answer.status);
    CPPUNIT_ASSERT_MESSAGE(what, answer.body == module);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what, sha256Hex(module), answer.header("X-Wasm-Sha256"));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what, digest, answer.header("Docker-Content-Digest"));
    const auto resolved = parsed(_proxy->admin("/api/v1/resolve?ref=oci://" + reference()).body);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what, layout, resolved->optValue<std::string>("layout", ""));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what, sha256Hex(module), resolved->optValue<std::string>("moduleSha256", ""));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what, digest, resolved->optValue<std::string>("manifestDigest", ""));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what, selected, resolved->optValue<std::string>("selectedManifestDigest", ""));
    const auto agent = IstioAgent().fetch(_proxy->url(fetchPath(reference())), sha256Hex(module));
    CPPUNIT_ASSERT_MESSAGE(what + agent.summary(), agent.loaded() && agent.module == module);
}

void ArtifactFixture::refused(const std::vector<std::string>& words, const ImageContent& image) {
    _upstream->push(newName(), image);
    checkRefused(words);
}

void ArtifactFixture::checkRefused(const std::vector<std::string>& words) {
    const auto answer = _proxy->fetch(reference());
    CPPUNIT_ASSERT_EQUAL_MESSAGE(words.front() + ": " + answer.error + answer.body.substr(0, 1000), 422, answer.status);
    const auto error = parsed(answer.body)->getArray("errors")->getObject(0);
    CPPUNIT_ASSERT_EQUAL(std::string("MODULE_UNUSABLE"), error->optValue<std::string>("code", ""));
    const auto message = error->optValue<std::string>("message", "");
    for (const auto& word : words)
        CPPUNIT_ASSERT_MESSAGE("'" + word + "' is not in: " + message, message.find(word) != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(422, _proxy->admin("/api/v1/resolve?ref=oci://" + reference()).status);
}

} // namespace wasmproxy::test
