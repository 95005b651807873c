// SPDX-License-Identifier: Apache-2.0
#include "MetadataServer.h"

#include "TokenService.h"

namespace wasmproxy::gcr {

Token MetadataServer::obtain(HostServices& host, Call& call) const {
    TokenService service(host, call, "metadata server " + _origin);
    HttpRequest request;
    request.url = _origin + "/computeMetadata/v1/instance/service-accounts/default/token";
    request.headers = {{"Metadata-Flavor", "Google"}};
    const auto answer = service.send(request);
    if (answer->header("Metadata-Flavor") != "Google")
        service.fail("answered " + std::to_string(answer->status()) +
                         " without Metadata-Flavor: Google, so it is not one",
                     "give service-account-key-file, or own-identity = false");
    _seen = true;
    return service.token(*answer, {},
                         answer->status() == 404
                             ? "this machine has no service account: attach one, or give service-account-key-file"
                             : "is a Google service account bound to this workload?");
}

} // namespace wasmproxy::gcr
