// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Rig.h"
#include "SecretForms.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::test {

/// Everything that was put out, by where.
class CanaryOutputs {
public:
    /// `environment`: of the programs that are run.
    explicit CanaryOutputs(std::vector<const SecretForms*> secrets, std::map<std::string, std::string> environment = {})
        : _secrets(std::move(secrets)), _environment(std::move(environment)) {}

    void add(const std::string& where, const std::string& text) { _texts.emplace_back(where, text); }
    void add(const std::string& where, const HttpAnswer& answer) {
        std::string text = std::to_string(answer.status) + " " + answer.error + "\n";
        for (const auto& [name, value] : answer.headers)
            text += name + ": " + value + "\n";
        add(where, text + answer.body);
    }
    void addRun(const std::vector<std::string>& arguments) {
        const TemporaryFolder folder;
        Child::Options options;
        options.environment = _environment;
        options.outputFile = folder / "output";
        Child child(BUILD_ROOT "/bin/wasm-proxy", arguments, options);
        CPPUNIT_ASSERT(child.wait(std::chrono::seconds(60)).has_value());
        add("wasm-proxy " + arguments.back(), readFile(options.outputFile));
    }
    /// Names, and content but for the files that hold the secrets. `own`: of content by digest, which is kept as it
    /// came.
    void addFolder(const std::string& path, const std::vector<std::string>& inputs,
                   const std::set<std::string>& own = {}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
            const auto name = entry.path().string();
            add("the name of " + name, name);
            const bool input = std::any_of(inputs.begin(), inputs.end(), [&](const std::string& each) {
                return name.compare(path.size() + 1, each.size(), each) == 0;
            });
            if (entry.is_regular_file() && !input && own.count(entry.path().filename()) == 0) add(name, readFile(name));
        }
    }
    void addProcess(pid_t pid) {
        for (const char* file : {"environ", "cmdline", "status", "comm", "limits", "maps"})
            add(std::string("/proc/PID/") + file, readFile("/proc/" + std::to_string(pid) + "/" + file));
    }
    /// Fails with the first places of all that were found.
    void requireNone() const {
        std::size_t bytes = 0;
        std::string found;
        int hits = 0;
        for (const auto& [where, text] : _texts) {
            bytes += text.size();
            for (const auto* secret : _secrets) {
                const auto hit = secret->foundIn(text);
                if (hit.empty()) continue;
                ++hits;
                if (found.size() < 8000) found += "\n== " + where + "\n" + hit + "\n";
            }
        }
        std::cout << _texts.size() << " outputs, " << bytes << " bytes searched for " << _secrets.size()
                  << " secrets in 6 encodings: " << hits << " hits\n";
        CPPUNIT_ASSERT_MESSAGE(found, found.empty());
    }

private:
    const std::vector<const SecretForms*> _secrets;
    const std::map<std::string, std::string> _environment;
    std::vector<std::pair<std::string, std::string>> _texts;
};

} // namespace wasmproxy::test
