# Makes the target longspan_public_headers, part of the normal build: it compiles each public header
# alone, included twice. The headers are found by a glob, so that none can be forgotten.
function(longspan_check_public_headers)
  file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR}/include CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/include/longspan/*.h)
  set(sources)
  foreach(header IN LISTS headers)
    string(REPLACE ".h" ".cpp" source ${PROJECT_BINARY_DIR}/public_headers/${header})
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@header@\"\n#include \"@header@\"\n" @ONLY)
    list(APPEND sources ${source})
  endforeach()
  add_library(longspan_public_headers OBJECT ${sources})
  target_include_directories(longspan_public_headers PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(longspan_public_headers PRIVATE torch::cpu nlohmann_json::nlohmann_json)
  longspan_target_settings(longspan_public_headers)
  target_compile_options(longspan_public_headers PRIVATE -O0)
endfunction()
