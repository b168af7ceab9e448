# Every package that longspan uses, and how it is found. All but LibTorch come from the system's
# package manager (scripts/setup installs them); LibTorch is a pinned wheel (Torch.cmake).
find_package(Threads REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(zstandard REQUIRED IMPORTED_TARGET libzstd)
if(LONGSPAN_TESTS)
  find_package(Catch2 3 REQUIRED)
  include(Catch)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/Torch.cmake)

# yaml-cpp renamed its target in 0.8.
add_library(longspan_yaml INTERFACE)
if(TARGET yaml-cpp::yaml-cpp)
  target_link_libraries(longspan_yaml INTERFACE yaml-cpp::yaml-cpp)
else()
  target_link_libraries(longspan_yaml INTERFACE yaml-cpp)
endif()

# What LibTorch's header for Gloo needs to see of it (gloo/README.md).
add_library(gloo_declarations INTERFACE)
add_library(gloo::declarations ALIAS gloo_declarations)
target_include_directories(gloo_declarations INTERFACE ${CMAKE_CURRENT_LIST_DIR}/gloo)
