#pragma once

namespace longspan {

/// Has large tensors on the CPU take their memory from a pool that keeps it for the next ones, and
/// never holds more than tensors have needed at once. For a program's start, before it has tensors.
void pool_tensor_memory();

}  // namespace longspan
