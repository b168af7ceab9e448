#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>

namespace longspan {

/// Returns the processor's model as the system names it, or "unknown".
std::string processor_name();

/// Returns the number of cores of the machine; 1 at least.
int num_cores();

/// Returns the bytes of memory that this process may still take: of the machine, or of the control
/// group that holds the process, whichever is less.
std::int64_t available_memory();

/// Returns whether LibTorch has fast matrix products of this type here. It has those of two bytes
/// an element by oneDNN, and only where the processor has certain instructions; without them it
/// takes plain loops, tens of times slower than float.
bool has_fast_products(c10::ScalarType dtype);

}  // namespace longspan
