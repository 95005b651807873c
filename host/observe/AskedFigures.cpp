// SPDX-License-Identifier: Apache-2.0
#include "observe/AskedFigures.h"

#include <algorithm>

namespace wasmproxy::host {

void AskedFigures::Family::add(const Labels& labels, double value) {
    const bool full = _series.size() >= MaxSeries && _series.count(labels) == 0;
    auto folded = labels;
    if (full)
        for (auto& label : folded)
            label.second = "other";
    auto& known = _series[folded];
    const bool isTime = name.find("_timestamp_") != std::string::npos;
    known = isTime ? std::max(known, value) : known + value;
}

} // namespace wasmproxy::host
