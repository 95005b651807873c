// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace wasmproxy::file {

/// The absolute path of the program `name` in the first of `directories` that has it; the process's own PATH does not
/// count. A program that every user may replace is refused. Throws Error{CredentialSourceFault}; `key` is the setting
/// that names the directories.
std::string findProgram(const std::vector<std::string>& directories, const std::string& name, const std::string& key);

/// What programs see of the environment: PATH of `directories`, our HOME, and `wanted`: each a NAME, which is passed on
/// if we have it, or NAME=value. To be called while nobody changes our environment.
std::vector<std::string> helperEnvironment(const std::vector<std::string>& directories,
                                           const std::vector<std::string>& wanted);

} // namespace wasmproxy::file
