// SPDX-License-Identifier: Apache-2.0
#include "Environment.h"

#include <cstdlib>
#include <fstream>

namespace wasmproxy::gcr {

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

} // namespace

Environment Environment::read() {
    Environment result;
    result.credentialsFile = variable("GOOGLE_APPLICATION_CREDENTIALS");
    result.metadataHost = variable("GCE_METADATA_HOST");
    std::string product;
    std::ifstream file("/sys/class/dmi/id/product_name");
    std::getline(file, product);
    result.onGoogle = product == "Google" || product == "Google Compute Engine";
    return result;
}

} // namespace wasmproxy::gcr
