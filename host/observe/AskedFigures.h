// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <map>
#include <string>

namespace wasmproxy::host {

/// Figures that the rooms are asked for when somebody reads the metrics: for what it is cheaper to ask than to keep.
/// Made anew for each reading, so a series ends with what it is about. One thread.
class AskedFigures {
public:
    enum class Kind { Counter, Gauge };
    using Labels = std::map<std::string, std::string>;

    /// All series of one name.
    class Family {
    public:
        Family(Kind ofKind, const char* itsName, const char* itsHelp) : kind(ofKind), name(itsName), help(itsHelp) {}
        /// Past MaxSeries, all further ones are one, whose labels are "other": their sum, or their greatest for times.
        void add(const Labels& labels, double value);
        void add(double value) { add({}, value); }

        const Kind kind;
        const std::string name;
        const std::string help;
        const std::map<Labels, double>& series() const { return _series; }

    private:
        std::map<Labels, double> _series;
    };
    static constexpr std::size_t MaxSeries = 200;

    /// Valid as long as this.
    Family& counter(const char* name, const char* help) { return _families.emplace_back(Kind::Counter, name, help); }
    Family& gauge(const char* name, const char* help) { return _families.emplace_back(Kind::Gauge, name, help); }
    const std::list<Family>& families() const { return _families; }

private:
    std::list<Family> _families;
};

} // namespace wasmproxy::host
