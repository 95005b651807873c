// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Certificate.h"
#include "support/OciLayout.h"
#include "support/ScriptedServer.h"
#include "support/TemporaryFolder.h"

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// The secrets that nobody but a registry and its own token service may see.
inline const std::string CanaryPassword = "canary+4711/=x?";
inline const std::string CanaryToken = "bearer-canary-0815";

std::string percentEncoded(const std::string& text);
/// Does it hold a canary in any form, or any `Authorization` or cookie?
bool carriesCredential(std::string request);

/// A registry that turns on its clients, and the hosts that it points them to, all on loopback: who asks for `<row>/m`
/// is treated as that row of the matrices of redirects, realms and Links says.
class CanaryStage {
public:
    /// Whom a row's requests come for: at one of the registry's two endpoints, with a password or an identity token.
    enum class At { Plain, Tls, Identity };
    enum class Way {
        Followed, ///< but without the credential
        Refused,  ///< nobody is asked
        Either    ///< as the machine's addresses have it
    };
    struct Row {
        std::string name;
        At at = At::Plain;
        std::string realm = {}; ///< empty: the registry's own /token
        int status = 0;         ///< of the redirect; 0: none
        std::string where = {}; ///< the origin that redirect or Link lead to
        bool blobs = false;     ///< redirects blobs only
        bool link = false;      ///< every answer has a Link to `where`
        Way way = Way::Refused; ///< whether `where` may be reached

        /// Does its module come in the end?
        bool served() const { return realm.empty() && (status == 0 || way == Way::Followed); }
    };

    enum class Matrix { All, Links };

    /// `bearer`: the challenge; a registry has one. `certificate`, of "127.0.0.1" and "localhost", outlives it.
    CanaryStage(bool bearer, const Certificate& certificate, Matrix matrix = Matrix::All);

    std::vector<Row> rows() const;
    std::string plainEndpoint() const { return _plain.url("", "localhost"); }
    std::string tlsEndpoint() const { return _tls.url(""); }
    /// Where nobody has anything to ask for.
    std::string elsewhere() const { return _foreign.url(""); }

    std::vector<std::string> sightings() const; ///< requests with a credential that came to a foreign host
    bool asked(const std::string& row) const;   ///< without a credential
    bool trusted(const std::string& row) const; ///< with it
    bool reached(const std::string& row) const; ///< a foreign host was
    int foreignRequests() const;
    int strayRequests() const; ///< of them, those that are for no content
    int shown() const;         ///< credentials that the registry's own token service was shown
    int posted() const;        ///< of them, by POST

private:
    struct Place {
        std::string name;
        At at;
        std::string origin;
        Way way;
    };

    std::vector<Place> places() const;
    void add(const Row& row);
    std::string answerOf(const std::string& request, const std::string& self);
    std::string foreign(const std::string& request);
    std::string registry(const std::string& request, const std::string& self);
    std::string content(const std::string& method, const std::string& target) const;

    const bool _bearer;
    TemporaryFolder _folder;
    std::map<std::string, Row> _rows;
    std::map<std::string, WrittenManifest> _manifests;
    mutable std::mutex _mutex;
    std::set<std::string> _asked;
    std::set<std::string> _trusted;
    std::set<std::string> _reached;
    std::vector<std::string> _sightings;
    int _foreignRequests = 0;
    int _stray = 0;
    int _shown = 0;
    int _posted = 0;

    std::string _plainSelf; ///< set before anybody asks
    std::string _tlsSelf;
    ScriptedServer _plain; // the servers last: their scripts use what is above
    ScriptedServer _tls;
    ScriptedServer _foreign;
    ScriptedServer _foreignTls;
    ScriptedServer _neighbour; ///< the same port elsewhere
};

} // namespace wasmproxy::test
