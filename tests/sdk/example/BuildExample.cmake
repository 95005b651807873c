# SPDX-License-Identifier: Apache-2.0
# The example stays in WORK/build/directory.so for the scenarios.
foreach(given BUILD EXAMPLE OCI WORK GENERATOR COMPILER CHECKER)
    if("${${given}}" STREQUAL "")
        message(FATAL_ERROR "${given} is not given")
    endif()
endforeach()

function(run what)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${what} failed (${result}):\n${output}")
    endif()
    message("${what}: ok\n${output}")
    set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run("install the SDK" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/sdk --component sdk)
# Nothing in the installed package may lead back to this tree.
file(GLOB_RECURSE package ${WORK}/sdk/*.cmake)
foreach(file ${package})
    file(READ ${file} text)
    foreach(path ${BUILD} ${EXAMPLE})
        string(FIND "${text}" "${path}/" at)
        if(NOT at EQUAL -1)
            message(FATAL_ERROR "${file} names ${path}")
        endif()
    endforeach()
endforeach()

file(COPY ${EXAMPLE}/ DESTINATION ${WORK}/source)
# Beside the example: a registry backend, and a program that uses what tests are written with.
file(COPY ${OCI}/ DESTINATION ${WORK}/source/oci)
file(APPEND ${WORK}/source/CMakeLists.txt "
file(GLOB sources oci/*.cpp)
add_wasmproxy_plugin(oci SOURCES \${sources} LIBRARIES wasmproxy::distribution)
add_executable(uses_testing testing.cpp)
target_link_libraries(uses_testing PRIVATE wasmproxy::testing)
")
file(WRITE ${WORK}/source/testing.cpp "#include <wasmproxy/testing/TestServices.h>
int main() {
    wasmproxy::testing::TestServices services;
    services.log(wasmproxy::LogLevel::Error, \"a line\");
    return services.logged(\"line\") ? 0 : 1;
}
")
run("configure the example" ${CMAKE_COMMAND} -S ${WORK}/source -B ${WORK}/build -G ${GENERATOR}
    -D CMAKE_PREFIX_PATH=${WORK}/sdk -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=${TYPE}
    -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -D CMAKE_CXX_FLAGS=-Wall\ -Wextra\ -Werror)
run("build the example" ${CMAKE_COMMAND} --build ${WORK}/build)
set(plugin ${WORK}/build/directory.so)
run("open it as the host does" ${CHECKER} --check-plugin=${plugin})
if(NOT output MATCHES "directory 1.0.0.*credential-source directory")
    message(FATAL_ERROR "it lists no credential-source directory")
endif()

run("open the registry backend as the host does" ${CHECKER} --check-plugin=${WORK}/build/oci.so)
run("use the tests' library" ${WORK}/build/uses_testing)

file(WRITE ${WORK}/secrets/r.example/username "robot")
file(WRITE ${WORK}/secrets/r.example/password "correct horse\n")
run("check it with the installed tool" ${WORK}/sdk/bin/wasmproxy-plugin-check --set directory=${WORK}/secrets
    --present=r.example/team/app --absent=other.example/x --username=robot ${plugin})

# The tool can say no.
execute_process(COMMAND ${WORK}/sdk/bin/wasmproxy-plugin-check --set directory=${WORK}/secrets
    --present=other.example/x ${plugin} RESULT_VARIABLE result OUTPUT_VARIABLE output)
if(NOT result EQUAL 1 OR NOT output MATCHES "FAIL  find: a repository it has a credential for")
    message(FATAL_ERROR "the tool did not refuse a source without the credential (${result}):\n${output}")
endif()
