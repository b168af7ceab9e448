#pragma once

#include <functional>
#include <string>

namespace longspan {

/// Returns the text that work returns, worked out in a child process: for code of others that ends
/// the process where it is at a loss. The child gets no signals and ends with its parent.
/// @throws Error(Data) with the words of what work threw, or of how the child ended
/// @param while_waiting called every 20 ms meanwhile, when given
/// @throws Error(Memory) when the child ran out of memory
std::string in_child_process(const std::function<std::string()>& work,
                             const std::function<void()>& while_waiting = {});

}  // namespace longspan
