// SPDX-License-Identifier: Apache-2.0
// Feeds every file of a folder, and mutations of it, to a fuzz target. replay FOLDER [ROUNDS [SEED]]
#include "Oracle.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& text) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

std::string mutated(std::string text, const std::vector<std::string>& seeds, std::mt19937& random) {
    const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
    static const std::string Interesting = "\"\\{}[],:@/.%-_+0129eEtfn \t\n\x7f\xc3\xff<";
    for (auto count = 1 + below(6); count > 0; --count) {
        const auto at = below(text.size() + 1);
        const auto length = below(std::min<std::size_t>(text.size() - at, 20) + 1);
        switch (below(6)) {
        case 0:
            text.insert(at, 1, Interesting[below(Interesting.size())]);
            break;
        case 1:
            text.erase(at, length);
            break;
        case 2:
            text.insert(at, text.substr(below(text.size()), 1 + below(40)));
            break;
        case 3:
            if (at < text.size()) text[at] = static_cast<char>(random());
            break;
        case 4:
            if (at < text.size()) text[at] = Interesting[below(Interesting.size())];
            break;
        default: {
            const auto& other = seeds[below(seeds.size())];
            text.insert(at, other.substr(below(other.size()), 1 + below(60)));
        }
        }
    }
    return text;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s FOLDER [ROUNDS [SEED]]\n", argv[0]);
        return 2;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<std::string> seeds;
    for (const auto& file : files) {
        std::ostringstream bytes;
        bytes << std::ifstream(file, std::ios::binary).rdbuf();
        seeds.push_back(bytes.str());
        run(seeds.back());
    }
    if (seeds.empty()) {
        std::fprintf(stderr, "%s is empty\n", argv[1]);
        return 2;
    }
    const auto rounds = argc > 2 ? std::stoul(argv[2]) : 3000;
    const auto seed = argc > 3 ? static_cast<unsigned>(std::stoul(argv[3])) : 1u;
    std::mt19937 random(seed);
    for (unsigned long i = 0; i < rounds; ++i)
        run(mutated(seeds[random() % seeds.size()], seeds, random));
    std::printf("%zu seeds, %lu mutations (seed %u): all held\n", seeds.size(), rounds, seed);
    return 0;
}
