# Writes the git commit into a header at each build, but touches it only when it changed.
find_package(Git QUIET)
set(LONGSPAN_BUILD_INFO_DIR ${PROJECT_BINARY_DIR}/generated)
add_custom_target(longspan_build_info
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DOUTPUT=${LONGSPAN_BUILD_INFO_DIR}/build_info.h
    -DGIT=${GIT_EXECUTABLE} -DVERSION=${PROJECT_VERSION}
    -DLIBTORCH=${TORCH_VERSION} -DSENTENCEPIECE=${sentencepiece_VERSION} -DCUDA=${LONGSPAN_CUDA_VERSION} -DNCCL=${LONGSPAN_NCCL_VERSION}
    -DBACKENDS=${LONGSPAN_BACKENDS} -P ${CMAKE_CURRENT_LIST_DIR}/WriteBuildInfo.cmake
  BYPRODUCTS ${LONGSPAN_BUILD_INFO_DIR}/build_info.h
  COMMENT "" VERBATIM)
