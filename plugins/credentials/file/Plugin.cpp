// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Plugin.h"

#include "FileCredentialSource.h"

namespace wasmproxy::file {

class FileCredentialFactory : public BasicFactory<CredentialSource, FileCredentialSource, FileSettings> {
public:
    const char* name() const noexcept override { return "file"; }
};

} // namespace wasmproxy::file

WASMPROXY_PLUGIN("file", "0.1.0", wasmproxy::file::FileCredentialFactory)
