# SPDX-License-Identifier: Apache-2.0
# add_wasmproxy_plugin(name SOURCES … [LIBRARIES …])
#
# Builds name.so: a plugin that exports Poco's manifest function and nothing else. Static libraries it links stay
# inside it. In a build tree that sets WASMPROXY_PLUGIN_OUTPUT the library is put there.
function(add_wasmproxy_plugin name)
    cmake_parse_arguments(PLUGIN "" "" "SOURCES;LIBRARIES" ${ARGN})
    if(NOT PLUGIN_SOURCES OR PLUGIN_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "add_wasmproxy_plugin(${name}): write SOURCES and files, then LIBRARIES if there are any")
    endif()
    set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}.map)
    file(CONFIGURE OUTPUT ${script} CONTENT "{ global: pocoBuildManifest; local: *; };\n")
    add_library(${name} MODULE ${PLUGIN_SOURCES})
    set_target_properties(${name} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        CXX_EXTENSIONS OFF LINK_DEPENDS ${script})
    if(WASMPROXY_PLUGIN_OUTPUT)
        set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${WASMPROXY_PLUGIN_OUTPUT})
    endif()
    target_compile_features(${name} PRIVATE cxx_std_17)
    target_link_libraries(${name} PRIVATE wasmproxy::sdk ${PLUGIN_LIBRARIES})
    # Bound when opened: a symbol that is missing is a refused plugin, not a crash in the middle of a request.
    target_link_options(${name} PRIVATE -Wl,--version-script=${script} -Wl,--exclude-libs,ALL -Wl,-z,relro,-z,now)
    # A sanitized library may leave its runtime's symbols to the program.
    if(NOT WASMPROXY_SANITIZE AND NOT WasmProxySdk_SANITIZE)
        target_link_options(${name} PRIVATE -Wl,-z,defs)
    endif()
endfunction()
