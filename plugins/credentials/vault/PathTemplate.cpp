// SPDX-License-Identifier: Apache-2.0
#include "PathTemplate.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include <string_view>

namespace wasmproxy::vault {

namespace {

constexpr std::string_view Host = "{host}";
constexpr std::string_view RepositoryPath = "{repository}";

/// Every component, encoded; '/' and ':' stay.
std::string encoded(std::string_view text) {
    std::string result;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find_first_of("/:", begin), text.size());
        result += percentEncode(text.substr(begin, end - begin));
        if (end < text.size()) result += text[end];
        begin = end + 1;
    }
    return result;
}

/// The first component that names no place below: empty, "." or "..".
bool leavesItsPlace(std::string_view path) {
    for (std::size_t begin = 0;;) {
        const std::size_t end = path.find('/', begin);
        const std::string_view component = path.substr(begin, end == std::string_view::npos ? end : end - begin);
        if (component.empty() || component == "." || component == "..") return true;
        if (end == std::string_view::npos) return false;
        begin = end + 1;
    }
}

} // namespace

std::string PathTemplate::problemOf(const std::string& text) {
    const std::string expected = "expected a path such as secret/data/registries/{host}";
    if (leavesItsPlace(text)) return expected + ", without an empty component, '.' or '..'";
    if (text.compare(0, 3, "v1/") == 0) return expected + ", without the API's v1/";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c <= ' ' || c >= 0x7f || c == '?' || c == '#' || c == '%' || c == '\\' || c == '}')
            return expected + ": no white space, none of ?#%\\}, ASCII only";
        if (c != '{') continue;
        const std::string_view rest = std::string_view(text).substr(i);
        if (rest.substr(0, Host.size()) == Host)
            i += Host.size() - 1;
        else if (rest.substr(0, RepositoryPath.size()) == RepositoryPath)
            i += RepositoryPath.size() - 1;
        else
            return expected + "; {host} and {repository} are known";
    }
    return "";
}

std::string PathTemplate::expand(const Repository& repository) const {
    std::string result;
    for (std::size_t i = 0; i < _text.size();) {
        const std::string_view rest = std::string_view(_text).substr(i);
        if (rest.substr(0, Host.size()) == Host) {
            result += encoded(repository.host());
            i += Host.size();
        } else if (rest.substr(0, RepositoryPath.size()) == RepositoryPath) {
            result += encoded(repository.path());
            i += RepositoryPath.size();
        } else {
            result += _text[i++];
        }
    }
    if (leavesItsPlace(result))
        throw Error(ErrorCode::CredentialSourceFault,
                    "no path in Vault for " + repository.str() + ": it would leave the place that `path` names");
    return result;
}

} // namespace wasmproxy::vault
