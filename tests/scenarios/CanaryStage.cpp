// SPDX-License-Identifier: Apache-2.0
#include "CanaryStage.h"

#include "Rig.h"
#include "support/Base64.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace wasmproxy::test {
namespace {

constexpr int Redirects[] = {301, 302, 303, 307, 308};

/// Every form in which a request could carry it.
std::vector<std::string> formsOf(const std::string& canary) {
    std::vector<std::string> forms = {canary, percentEncoded(canary), base64("robot:" + canary).substr(0, 24)};
    for (std::size_t shift = 0; shift < 3; ++shift) { // inside longer text, at any alignment
        const auto encoded = base64(std::string(shift, 'x') + canary);
        forms.push_back(encoded.substr(shift == 0 ? 0 : 4, 12));
    }
    return forms;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::string answer(int status, const std::string& headers, const std::string& body, bool head = false) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + (head ? std::string() : body);
}

std::pair<std::string, std::string> lineOf(const std::string& request) {
    const auto first = request.find(' ');
    return {request.substr(0, first), request.substr(first + 1, request.find(' ', first + 1) - first - 1)};
}

std::string hostOf(const std::string& request) {
    const auto text = lower(request);
    const auto begin = text.find("\r\nhost: ");
    return begin == std::string::npos ? "" : text.substr(begin + 8, text.find("\r\n", begin + 8) - begin - 8);
}

/// Of "/v2/<row>/m/…", and of a token request's scope.
std::string rowOf(const std::string& request) {
    auto begin = request.find("/v2/");
    if (begin != std::string::npos) return request.substr(begin + 4, request.find('/', begin + 4) - begin - 4);
    begin = request.find("repository%3A");
    return begin == std::string::npos ? "" : request.substr(begin + 13, request.find('%', begin + 13) - begin - 13);
}

template <class Answer>
ScriptedServer::Script answering(Answer answer) {
    return [answer](ScriptedServer::Connection& connection) {
        for (auto request = connection.readRequest(); !request.empty(); request = connection.readRequest())
            if (!connection.send(answer(request))) return;
    };
}

} // namespace

std::string percentEncoded(const std::string& text) {
    static const char* const hex = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte)) {
            result += c;
        } else {
            result.append({'%', hex[byte >> 4], hex[byte & 15]});
        }
    }
    return result;
}

bool carriesCredential(std::string request) {
    for (const auto& canary : {CanaryPassword, CanaryToken})
        for (const auto& form : formsOf(canary))
            if (request.find(form) != std::string::npos) return true;
    request = lower(request);
    return request.find("\nauthorization:") != std::string::npos || request.find("\ncookie:") != std::string::npos;
}

CanaryStage::CanaryStage(bool bearer, const Certificate& certificate, Matrix matrix)
    : _bearer(bearer),
      _plain(answering([this](const std::string& request) { return answerOf(request, _plainSelf); })),
      _tls(answering([this](const std::string& request) { return answerOf(request, _tlsSelf); }), &certificate),
      _foreign(answering([this](const std::string& request) { return foreign(request); })),
      _foreignTls(answering([this](const std::string& request) { return foreign(request); }), &certificate),
      _neighbour(answering([this](const std::string& request) { return foreign(request); }), nullptr, nullptr,
                 "127.0.0.2", _plain.port()) {
    _plainSelf = plainEndpoint();
    _tlsSelf = tlsEndpoint();
    for (const auto& place : places()) {
        add({"link-" + place.name, place.at, "", 0, place.origin, false, true, Way::Refused});
        if (matrix == Matrix::Links) continue;
        for (const int status : Redirects)
            add({"all-" + std::to_string(status) + "-" + place.name, place.at, "", status, place.origin, false, false,
                 place.way});
        // Those redirect blobs, too; here the manifest is the registry's own, which no status changes.
        add({"blobs-" + place.name, place.at, "", 307, place.origin, true, false, place.way});
        if (_bearer) add({"realm-" + place.name, place.at, place.origin + "/token"});
    }
    if (!_bearer || matrix == Matrix::Links) return;
    // The registry's own token service redirects; an identity token comes to it by POST.
    for (const int status : Redirects) {
        const auto code = std::to_string(status);
        const auto realm = _plainSelf + "/moving" + code + "/" + _foreign.url("/token");
        add({"realm-moving-" + code, At::Plain, realm});
        add({"realm-posting-" + code, At::Identity, realm});
    }
    add({"realm-own", At::Identity});
}

/// Where the registry may point to. What leads back to the registry's own socket under another name counts as foreign,
/// too: there the host's name alone differs, and neither the address nor the port.
std::vector<CanaryStage::Place> CanaryStage::places() const {
    const auto own = ":" + std::to_string(_plain.port());
    const auto other = ":" + std::to_string(_foreign.port());
    const auto ownTls = ":" + std::to_string(_tls.port());
    return {{"port", At::Plain, "http://localhost" + other, Way::Followed},
            {"scheme", At::Plain, _foreignTls.url("", "localhost"), Way::Followed},
            {"neighbour", At::Plain, "http://127.0.0.2" + own, Way::Followed},
            {"address", At::Plain, "http://127.0.0.1" + own, Way::Followed},
            {"subdomain", At::Plain, "http://sub.localhost" + own, Way::Followed},
            {"punycode", At::Plain, "http://xn--lcalhost-n4a.localhost" + own, Way::Followed},
            {"umlaut", At::Plain,
             "http://l\xc3\xb6"
             "calhost" +
                 own,
             Way::Refused},
            {"dot", At::Plain, "http://localhost." + other, Way::Followed},
            {"case", At::Plain, "HTTP://LOCALHOST" + other, Way::Followed},
            {"v6", At::Plain, "http://[::1]" + own, Way::Either},
            {"v6-mapped", At::Plain, "http://[::FFFF:127.0.0.1]" + own, Way::Either},
            {"number", At::Plain, "http://2130706433" + own, Way::Refused},
            {"short", At::Plain, "http://127.1" + own, Way::Refused},
            {"userinfo", At::Plain, "http://robot:x@localhost" + other, Way::Refused},
            {"userinfo-host", At::Plain, "http://localhost" + own + "@127.0.0.1" + other, Way::Refused},
            {"tls-port", At::Tls, _foreignTls.url(""), Way::Followed},
            {"tls-name", At::Tls, "https://localhost" + ownTls, Way::Followed},
            {"downgrade", At::Tls, "http://127.0.0.1" + other, Way::Refused}};
}

void CanaryStage::add(const Row& row) {
    OciLayout layout(_folder / row.name);
    _manifests[row.name] = layout.addImage(istioArtifact(uniqueModule(row.name)), "v");
    _rows[row.name] = row;
}

std::vector<CanaryStage::Row> CanaryStage::rows() const {
    std::vector<Row> rows;
    for (const auto& [name, row] : _rows)
        rows.push_back(row);
    return rows;
}

std::string CanaryStage::answerOf(const std::string& request, const std::string& self) {
    return "http://" + hostOf(request) == self || "https://" + hostOf(request) == self ? registry(request, self)
                                                                                       : foreign(request);
}

/// Content without asking who wants it: a foreign host has it too, so that a redirect leads somewhere.
std::string CanaryStage::content(const std::string& method, const std::string& target) const {
    const auto name = rowOf(target);
    const auto row = _rows.find(name);
    const bool head = method == "HEAD";
    if (row == _rows.end()) return answer(404, "", "", head);
    const std::string link =
        row->second.link ? "Link: <" + row->second.where + "/v2/" + name + "/m/tags/list?last=v>; rel=\"next\"\r\n"
                         : "";
    if (target.find("/tags/list") != std::string::npos)
        return answer(200, link + "Content-Type: application/json\r\n", R"({"tags":["v"]})", head);
    if (target.find("/referrers/") != std::string::npos)
        return answer(200, link + "Content-Type: application/vnd.oci.image.index.v1+json\r\n",
                      R"({"schemaVersion":2,"manifests":[]})", head);
    const auto& written = _manifests.at(name);
    if (target.find("/manifests/") != std::string::npos)
        return answer(
            200, link + "Content-Type: " + written.mediaType + "\r\nDocker-Content-Digest: " + written.digest + "\r\n",
            written.bytes, head);
    const auto hex = target.substr(target.rfind(':') + 1, 64);
    return answer(200, link, readFile(_folder / (name + "/blobs/sha256/" + hex)), head);
}

std::string CanaryStage::foreign(const std::string& request) {
    const auto [method, target] = lineOf(request);
    const bool stray = target.find("/v2/") == std::string::npos;
    const std::lock_guard<std::mutex> lock(_mutex);
    ++_foreignRequests;
    _stray += stray ? 1 : 0;
    _reached.insert(rowOf(request));
    if (carriesCredential(request)) _sightings.push_back(request);
    return stray ? answer(200, "", R"({"token":"of-a-foreigner"})") : content(method, target);
}

std::string CanaryStage::registry(const std::string& request, const std::string& self) {
    const auto [method, target] = lineOf(request);
    const bool head = method == "HEAD";
    const bool authorized = request.find("\r\nAuthorization: ") != std::string::npos;
    const std::lock_guard<std::mutex> lock(_mutex);
    if (target.compare(0, 6, "/token") == 0 || target.compare(0, 7, "/moving") == 0) {
        _shown += carriesCredential(request) ? 1 : 0;
        _posted += method == "POST" && carriesCredential(request) ? 1 : 0;
        if (target[1] == 'm') // "/moving307/http://host/token?…"
            return answer(std::stoi(target.substr(7, 3)), "Location: " + target.substr(11) + "\r\n", "", head);
        return answer(200, "", R"({"token":")" + CanaryToken + R"(","expires_in":300})");
    }
    const auto challenge = [&](const std::string& realm, const std::string& scope) {
        return answer(401,
                      _bearer ? "WWW-Authenticate: Bearer realm=\"" + realm + "\",service=\"s\"" + scope + "\r\n"
                              : "WWW-Authenticate: Basic realm=\"r\"\r\n",
                      "", head);
    };
    if (target == "/v2/") return authorized ? answer(200, "", "{}", head) : challenge(self + "/token", "");
    const auto found = _rows.find(rowOf(target));
    if (found == _rows.end()) return answer(404, "", "", head);
    const Row& row = found->second;
    // A realm's row accepts nothing: a token that is kept from before must not spare the question.
    if (!authorized || !row.realm.empty()) {
        _asked.insert(row.name);
        return challenge(row.realm.empty() ? self + "/token" : row.realm,
                         ",scope=\"repository:" + row.name + "/m:pull\"");
    }
    if (carriesCredential(request)) _trusted.insert(row.name);
    if (row.status != 0 && (!row.blobs || target.find("/blobs/") != std::string::npos))
        return answer(row.status, "Location: " + row.where + target + "\r\n", "", head);
    return content(method, target);
}

std::vector<std::string> CanaryStage::sightings() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _sightings;
}
bool CanaryStage::asked(const std::string& row) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _asked.count(row) != 0;
}
bool CanaryStage::trusted(const std::string& row) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _trusted.count(row) != 0;
}
bool CanaryStage::reached(const std::string& row) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _reached.count(row) != 0;
}
int CanaryStage::foreignRequests() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _foreignRequests;
}
int CanaryStage::strayRequests() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _stray;
}
int CanaryStage::shown() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _shown;
}
int CanaryStage::posted() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _posted;
}

} // namespace wasmproxy::test
