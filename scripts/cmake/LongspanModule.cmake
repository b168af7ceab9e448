# longspan_add_module(<name> SOURCES <files...> [CUDA_SOURCES <files...>] [DEPENDS <modules...>]
#                     [PRIVATE_LIBRARIES <targets...>] [TORCH] [APART <files...>])
# Makes the static library longspan_<name> with the alias longspan::<name>. TORCH gives it, and all
# that depend on it, LibTorch's headers; a library that brings its own fmt (spdlog) must not have it. With
# LONGSPAN_UNITY_BUILD files are compiled eight at a time, which takes a quarter of the time, but not those of APART,
# siblings that have the same local names.
function(longspan_target_settings target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  # What the compiler writes of a file's path, for Error and the debugger, begins at the root, so that objects are
  # alike in every folder. It has the path from the build folder where ccache took out the folder's name.
  cmake_path(RELATIVE_PATH PROJECT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_BINARY_DIR} OUTPUT_VARIABLE root)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-prefix-map=${root}/=>)
  # A release names no folder of its builder, and is linked so that nothing which the loader filled in stays writable.
  # Elsewhere the debugger needs LibTorch's headers by the path that they have.
  target_compile_options(${target} PRIVATE
    $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-ffile-prefix-map=${TORCH_FOLDER}=torch -fPIE>)
  target_link_options(${target} PRIVATE $<$<CONFIG:Release>:-pie -Wl,-z,relro,-z,now,-z,noexecstack>)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow>)
  # Kernels for several architectures are three quarters of a program; compressed for size (nvcc 12.8 on), a fifth.
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--compress-mode=size>)
  endif()
  # GCC 12 sees overlap in std::string operator+ where there is none (GCC bug 105651).
  target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>)
  if(LONGSPAN_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
  endif()
  if(LONGSPAN_SANITIZE)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${LONGSPAN_SANITIZE} -fno-omit-frame-pointer>)
    target_link_options(${target} PRIVATE -fsanitize=${LONGSPAN_SANITIZE})
  endif()
endfunction()

# longspan_harden(<target>) compiles what is released with checks of the stack and of buffers; tests are not optimised,
# which the second needs. Not -fcf-protection: Debian's start files lack its mark, so the system would check nothing.
function(longspan_harden target)
  target_compile_options(${target} PRIVATE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:
    -fstack-protector-strong;-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>)
endfunction()

# Says in RESULT whether one of the modules gives LibTorch's headers to those that use it.
function(longspan_has_torch result)
  get_property(with_torch GLOBAL PROPERTY LONGSPAN_TORCH_MODULES)
  set(found FALSE)
  foreach(module IN LISTS ARGN)
    if(module IN_LIST with_torch)
      set(found TRUE)
    endif()
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# longspan_precompile(<target> <headers...> | <target> REUSE_FROM <other>), when LONGSPAN_PRECOMPILED_HEADERS is ON. Two
# targets that share headers must have the same compiler options.
function(longspan_precompile target)
  if(LONGSPAN_PRECOMPILED_HEADERS AND ARGV1 STREQUAL "REUSE_FROM")
    target_precompile_headers(${target} ${ARGN})
  elseif(LONGSPAN_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

function(longspan_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;CUDA_SOURCES;DEPENDS;PRIVATE_LIBRARIES;APART")
  add_library(longspan_${name} STATIC ${arg_SOURCES})
  add_library(longspan::${name} ALIAS longspan_${name})
  target_include_directories(longspan_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_compile_features(longspan_${name} INTERFACE cxx_std_20)
  set_target_properties(longspan_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS longspan_${name} EXPORT longspan ARCHIVE DESTINATION lib)
  if(LONGSPAN_UNITY_BUILD)
    set_target_properties(longspan_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    set_source_files_properties(${arg_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
  longspan_target_settings(longspan_${name})
  longspan_harden(longspan_${name})
  list(TRANSFORM arg_DEPENDS PREPEND longspan::)
  target_link_libraries(longspan_${name} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_LIBRARIES})
  if(arg_TORCH)
    target_link_libraries(longspan_${name} PUBLIC torch::cpu)
  endif()
  longspan_has_torch(has_torch ${arg_DEPENDS})
  if(arg_TORCH OR has_torch)
    set_property(GLOBAL APPEND PROPERTY LONGSPAN_TORCH_MODULES ${name})
    longspan_precompile(longspan_${name} REUSE_FROM longspan_module_headers)
  endif()
  if(LONGSPAN_CUDA AND arg_CUDA_SOURCES)
    target_sources(longspan_${name} PRIVATE ${arg_CUDA_SOURCES})
    target_link_libraries(longspan_${name} PUBLIC torch::cuda)
    target_compile_definitions(longspan_${name} PRIVATE LONGSPAN_WITH_CUDA)
  endif()
endfunction()

# longspan_add_test(<name> LABEL <unit|property|differential|golden|integration|gpu>
#                   SOURCES <files...> MODULES <modules...>)
# Makes one test program; each TEST_CASE becomes a ctest test with that label.
function(longspan_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;MODULES")
  add_executable(${name} ${arg_SOURCES})
  longspan_target_settings(${name})
  # Tests spend their time in the libraries; optimising their own code takes 40 % longer to compile.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-O0>)
  longspan_has_torch(has_torch ${arg_MODULES})
  set(support longspan_test_support)
  if(has_torch)
    set(support longspan_torch_test_support)
  endif()
  longspan_precompile(${name} REUSE_FROM ${support})
  list(TRANSFORM arg_MODULES PREPEND longspan::)
  target_link_libraries(${name} PRIVATE ${arg_MODULES} ${support} Catch2::Catch2WithMain)
  # Tests run side by side: an OpenMP thread that spins while it waits would take the other's core.
  catch_discover_tests(${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${arg_LABEL} SKIP_RETURN_CODE 4 ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()
