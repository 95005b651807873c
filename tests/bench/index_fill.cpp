// SPDX-License-Identifier: Apache-2.0
// Writes into the index of a wasm-proxy that does not run: MODULES more, each with a tag and links of its own, and TAGS
// tags t0 … of a repository for a manifest that is there, so that its module can be asked for by each of them.
//   index_fill INDEX MODULES MANIFEST HOST/PATH TAGS
#include "index/IndexDatabase.h"

#include <iostream>

int main(int count, char** arguments) {
    using namespace wasmproxy;
    using namespace wasmproxy::host;
    if (count != 6) {
        std::cerr << "usage: index_fill INDEX MODULES MANIFEST HOST/PATH TAGS\n";
        return 64;
    }
    try {
        const std::size_t modules = std::stoul(arguments[2]);
        const auto manifest = Digest::parse(arguments[3]);
        const auto reference = Reference::parse(std::string(arguments[4]) + ":t");
        const auto now = std::chrono::system_clock::now();
        IndexDatabase database(arguments[1]);
        IndexChanges changes;
        const auto flush = [&] {
            database.write(changes);
            changes.clear();
        };
        for (std::size_t i = 0; i < modules; ++i) {
            const auto number = std::to_string(i);
            ModuleRecord record;
            record.manifest = record.selectedManifest = Digest::of("manifest " + number);
            record.module = record.layer = Digest::of("module " + number);
            record.size = 10240;
            record.layout = "oci";
            record.pulledAt = now;
            const Repository repository(reference.repository().host(), "filled/m" + number);
            changes.emplace_back(record);
            changes.emplace_back(LinkAdded{record.manifest, repository});
            changes.emplace_back(LinkAdded{record.module, repository});
            changes.emplace_back(TagSet{repository.str() + ":v1", {record.manifest, now}});
            if (changes.size() > 5000) flush();
        }
        for (std::size_t i = 0; i < std::stoul(arguments[5]); ++i)
            changes.emplace_back(TagSet{reference.repository().str() + ":t" + std::to_string(i), {manifest, now}});
        flush();
    } catch (const std::exception& error) {
        std::cerr << "index_fill: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
