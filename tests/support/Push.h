// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::test {

/// `skopeo copy` of a tag of an OCI layout folder to "team/x:tag" in the registry at `host` (all images of an index,
/// digests kept). No user: no credentials. `certificateFolder`: with a client.cert and client.key to show. Throws
/// std::runtime_error with skopeo's words.
void push(const std::string& host, const std::string& layoutFolder, const std::string& layoutTag,
          const std::string& repositoryAndTag, const std::string& user = "", const std::string& password = "",
          const std::string& certificateFolder = "");

} // namespace wasmproxy::test
