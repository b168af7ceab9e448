# Installs headers and libraries, so that another project's find_package(longspan) gives it longspan::train, or a
# module below. The packages that longspan is made of are then looked for again (longspanConfig.cmake).
include(CMakePackageConfigHelpers)
set(_package lib/cmake/longspan)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/longspan DESTINATION include)
install(TARGETS longspan_yaml torch_blas EXPORT longspan)
install(EXPORT longspan NAMESPACE longspan:: FILE longspanTargets.cmake DESTINATION ${_package})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/longspanConfig.cmake.in
  ${PROJECT_BINARY_DIR}/longspanConfig.cmake INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/longspanConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/longspanConfig.cmake ${PROJECT_BINARY_DIR}/longspanConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/third_party/Torch.cmake DESTINATION ${_package})
