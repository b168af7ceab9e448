# Imported targets torch::cpu and torch::cuda over a LibTorch folder or the PyPI wheel. find_package(Torch)
# is not used: it wants a CUDA toolkit with nvcc even for a program that uses the CPU only.
#
# TORCH_ROOT is the folder that holds include/ and lib/ (site-packages/torch). It is taken from
#   1. -DTORCH_ROOT=... or, at the first configure, the environment variable TORCH_ROOT
#   2. else the pinned wheel, which fetch_libtorch.sh puts into a cache shared by all build folders
set(LONGSPAN_TORCH_VERSION 2.11.0)
set(TORCH_ROOT "$ENV{TORCH_ROOT}" CACHE PATH "Folder with include/ and lib/ of LibTorch; empty: the pinned wheel")

set(_root "${TORCH_ROOT}")
if(NOT _root)
  set(_set cpu)
  if(LONGSPAN_CUDA)
    set(_set cuda)
  endif()
  execute_process(COMMAND "${CMAKE_CURRENT_LIST_DIR}/fetch_libtorch.sh" ${_set}
    OUTPUT_VARIABLE _root OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()

set(_version_header "${_root}/include/torch/headeronly/version.h")
if(NOT EXISTS "${_version_header}")
  message(FATAL_ERROR "TORCH_ROOT must hold LibTorch ${LONGSPAN_TORCH_VERSION}: no ${_version_header}")
endif()
file(STRINGS "${_version_header}" _v REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
list(TRANSFORM _v REPLACE "[^0-9]" "")
list(JOIN _v "." TORCH_VERSION)
if(NOT TORCH_VERSION VERSION_EQUAL LONGSPAN_TORCH_VERSION)
  message(WARNING "LibTorch ${TORCH_VERSION} at TORCH_ROOT; longspan is tested with ${LONGSPAN_TORCH_VERSION}")
endif()
set(TORCH_FOLDER "${_root}")
get_filename_component(_site "${_root}" DIRECTORY)
set(_nvidia "${_site}/nvidia")

function(_torch_shared name file)
  add_library(torch::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(torch::${name} PROPERTIES IMPORTED_LOCATION "${file}" ${ARGN})
endfunction()

_torch_shared(c10 "${_root}/lib/libc10.so")
_torch_shared(cpu "${_root}/lib/libtorch_cpu.so")
# at::parallel_for is a template: in a file compiled without OpenMP it runs on one thread, and says nothing.
# The runtime is LibTorch's own, where it brings one: two would each start their threads.
find_library(LONGSPAN_GOMP NAMES libgomp.so.1 gomp PATHS "${_root}/lib" NO_DEFAULT_PATH)
if(LONGSPAN_GOMP)
  set(_openmp "${LONGSPAN_GOMP}")
else()
  set(_openmp -fopenmp)
endif()
# The fuzz targets are one thread: clang's own runtime need not be there.
if(NOT LONGSPAN_FUZZ)
  set_target_properties(torch::cpu PROPERTIES INTERFACE_COMPILE_OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:-fopenmp>")
endif()
set_target_properties(torch::cpu PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${_root}/include;${_root}/include/torch/csrc/api/include"
  # AT_PER_OPERATOR_HEADERS: LibTorch's headers include the operators they call, not all of them (3 s a file).
  INTERFACE_COMPILE_DEFINITIONS "USE_DISTRIBUTED;USE_C10D_GLOO;AT_PER_OPERATOR_HEADERS"
  INTERFACE_LINK_LIBRARIES "torch::c10;${_openmp}"
  # ld and lld look for the libraries that libtorch_cpu.so needs (CUPTI, cudart) at link time.
  INTERFACE_LINK_OPTIONS "LINKER:-rpath-link,${_nvidia}/cu13/lib")

# The BLAS inside LibTorch when it exports one (the wheels' MKL does), else the system's.
include(CheckFunctionExists)
set(CMAKE_REQUIRED_LIBRARIES "${_root}/lib/libtorch_cpu.so")
set(CMAKE_REQUIRED_LINK_OPTIONS "LINKER:-rpath-link,${_nvidia}/cu13/lib")
check_function_exists(sgemm_ LONGSPAN_TORCH_HAS_BLAS)
unset(CMAKE_REQUIRED_LIBRARIES)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
add_library(torch_blas INTERFACE)
add_library(torch::blas ALIAS torch_blas)
if(LONGSPAN_TORCH_HAS_BLAS)
  target_link_libraries(torch_blas INTERFACE torch::cpu)
else()
  find_package(BLAS REQUIRED)
  target_link_libraries(torch_blas INTERFACE BLAS::BLAS)
endif()

set(LONGSPAN_CUDA_VERSION "not built")
set(LONGSPAN_NCCL_VERSION "not built")
set(LONGSPAN_BACKENDS "cpu gloo")
if(LONGSPAN_CUDA)
  set(LONGSPAN_CUDA_VERSION "${CMAKE_CUDA_COMPILER_VERSION}")
  file(STRINGS "${_nvidia}/nccl/include/nccl.h" _v REGEX "define NCCL_(MAJOR|MINOR|PATCH) ")
  list(TRANSFORM _v REPLACE "[^0-9]" "")
  list(JOIN _v "." LONGSPAN_NCCL_VERSION)
  string(APPEND LONGSPAN_BACKENDS " cuda nccl")
  _torch_shared(c10_cuda "${_root}/lib/libc10_cuda.so")
  _torch_shared(torch_cuda "${_root}/lib/libtorch_cuda.so")
  # The wheels carry libnccl.so.2 and libcudart.so.13 only: no unversioned names, so -lnccl fails.
  _torch_shared(nccl "${_nvidia}/nccl/lib/libnccl.so.2"
    INTERFACE_INCLUDE_DIRECTORIES "${_nvidia}/nccl/include")
  _torch_shared(cudart "${_nvidia}/cu13/lib/libcudart.so.13"
    INTERFACE_INCLUDE_DIRECTORIES "${_nvidia}/cu13/include")
  add_library(torch::cuda INTERFACE IMPORTED GLOBAL)
  # No symbol of libtorch_cuda need be referred to: its kernels register themselves when it is loaded.
  target_link_libraries(torch::cuda INTERFACE torch::cpu torch::c10_cuda torch::cudart torch::nccl
    "-Wl,--push-state,--no-as-needed" torch::torch_cuda "-Wl,--pop-state")
  target_compile_definitions(torch::cuda INTERFACE USE_C10D_NCCL)
  foreach(_d cudnn nvshmem nccl cusparselt)
    target_link_options(torch::cuda INTERFACE "LINKER:-rpath-link,${_nvidia}/${_d}/lib")
  endforeach()
endif()
