// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <random>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// What istio-agent does with a WasmPlugin's http:// URL, restated from its sources (pkg/wasm: httpfetcher.go,
/// cache.go): Go's headers, the retry rules, unboxing and the checks after it. One fetch at a time.
class IstioAgent {
public:
    struct Timing {
        std::chrono::milliseconds total{30000};
        std::chrono::milliseconds attempt{15000}; ///< with the body
        int attempts = 5;
        std::chrono::milliseconds initialBackOff{500}; ///< times 1.5 each, +-50 %, at most 60 s
    };
    enum class Outcome {
        Loaded,
        DownloadFailed,
        ChecksumMismatched,
        Invalid ///< what came is no module
    };
    struct Attempt {
        int status = 0;            ///< 0: no answer
        std::string error;         ///< of the transport or the body
        double startedAfter = 0.0; ///< seconds since the fetch began
        double seconds = 0.0;
    };
    struct Result {
        Outcome outcome = Outcome::DownloadFailed;
        std::string error;
        std::string module;
        std::vector<Attempt> attempts;
        double seconds = 0.0;

        bool loaded() const noexcept { return outcome == Outcome::Loaded; }
        std::string summary() const; ///< for a failing test's message
    };

    IstioAgent() : IstioAgent(Timing()) {}
    explicit IstioAgent(const Timing& timing, unsigned seed = 1) : _timing(timing), _random(seed) {}

    /// `sha256`: hex of the unboxed module, or "" for no check. `url`: http only.
    Result fetch(const std::string& url, const std::string& sha256 = "");

private:
    bool download(const std::string& url, Result& result, std::string& body);

    Timing _timing;
    std::mt19937 _random;
};

/// Gunzips and untars (first entry) as often as it can; what is neither stays as it is.
std::string unbox(std::string bytes);

} // namespace wasmproxy::test
