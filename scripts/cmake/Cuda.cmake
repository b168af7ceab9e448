# Enables CUDA when asked for. The variables are read when the first CUDA target is made.
if(LONGSPAN_CUDA)
  set(CMAKE_CUDA_ARCHITECTURES 80 90 CACHE STRING "GPU architectures to compile for")
  set(CMAKE_CUDA_STANDARD 17)  # CMake 3.25 knows no C++20 dialect for nvcc 13
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # LibTorch uses the shared runtime: not two in one process
  enable_language(CUDA)
endif()
