# Uses ccache and lld when they are installed; neither is required: without lld, GNU ld links.
find_program(LONGSPAN_CCACHE ccache)
if(LONGSPAN_CCACHE)
  # Clones of this tree share objects: paths below its root are hashed as seen from the build folder.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${LONGSPAN_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
# Not mold: Debian 12's 1.10.1 counts .tbss, which lies behind .text, to GNU_RELRO. Where .text ends in the last
# 8 bytes of a page, that page is not mapped as data, and the loader ends the program with "cannot apply
# additional memory protection after relocation" (scripts/show-relro-fault). lld is as fast.
find_program(LONGSPAN_LLD ld.lld)
set(LONGSPAN_LINKER "GNU ld")
if(LONGSPAN_LLD)
  set(LONGSPAN_LINKER ${LONGSPAN_LLD})
  add_link_options(-fuse-ld=lld)
endif()
