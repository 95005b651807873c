// SPDX-License-Identifier: Apache-2.0
#include "support/Push.h"

#include "support/Child.h"
#include "support/TemporaryFolder.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <filesystem>
#include <stdexcept>
#include <vector>

namespace wasmproxy::test {
namespace {

/// The descriptor that index.json has for a tag.
Poco::JSON::Object::Ptr descriptorOf(const std::string& layoutFolder, const std::string& tag) {
    const auto index = Poco::JSON::Parser().parse(readFile(layoutFolder + "/index.json"));
    const auto manifests = index.extract<Poco::JSON::Object::Ptr>()->getArray("manifests");
    for (std::size_t i = 0; i < manifests->size(); ++i) {
        const auto descriptor = manifests->getObject(static_cast<unsigned>(i));
        const auto annotations = descriptor->getObject("annotations");
        if (annotations && annotations->getValue<std::string>("org.opencontainers.image.ref.name") == tag)
            return descriptor;
    }
    throw std::runtime_error("no tag " + tag + " in " + layoutFolder);
}

/// Docker's media types cannot stand in an OCI layout's index.json for skopeo, but in its own kind of folder they can.
void writeSkopeoFolder(const std::string& layoutFolder, const std::string& digest, const TemporaryFolder& folder) {
    const std::filesystem::path blobs = std::filesystem::path(layoutFolder) / "blobs/sha256";
    folder.write("version", "Directory Transport Version: 1.1\n");
    folder.write("manifest.json", readFile(blobs / digest.substr(digest.find(':') + 1)));
    for (const auto& blob : std::filesystem::directory_iterator(blobs)) {
        const std::string name = blob.path().filename();
        std::filesystem::create_symlink(blob.path(), folder / name);
        std::filesystem::create_symlink(blob.path(), folder / (name + ".manifest.json"));
    }
}

} // namespace

void push(const std::string& host, const std::string& layoutFolder, const std::string& layoutTag,
          const std::string& repositoryAndTag, const std::string& user, const std::string& password,
          const std::string& certificateFolder) {
    std::vector<std::string> arguments{"--insecure-policy", "copy", "--all", "--preserve-digests",
                                       "--dest-tls-verify=false"};
    if (!user.empty()) arguments.insert(arguments.end(), {"--dest-creds", user + ":" + password});
    if (!certificateFolder.empty()) arguments.insert(arguments.end(), {"--dest-cert-dir", certificateFolder});
    const TemporaryFolder folder;
    const auto descriptor = descriptorOf(layoutFolder, layoutTag);
    if (descriptor->getValue<std::string>("mediaType").find("docker") == std::string::npos) {
        arguments.push_back("oci:" + layoutFolder + ":" + layoutTag);
    } else {
        writeSkopeoFolder(layoutFolder, descriptor->getValue<std::string>("digest"), folder);
        arguments.push_back("dir:" + folder.path());
    }
    arguments.push_back("docker://" + host + "/" + repositoryAndTag);
    run("skopeo", arguments);
}

} // namespace wasmproxy::test
