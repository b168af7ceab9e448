#pragma once

/// Before a function of plain loops: it is compiled for AVX-512 and AVX2 too, and the best one is
/// picked when the program starts, so that one program serves every x86-64 machine. Results differ
/// between instruction sets by rounding alone.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define LONGSPAN_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LONGSPAN_CLONES
#endif
