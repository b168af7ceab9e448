// A Python pickle.
#include "fuzz/target.h"
#include "interop/pickle.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  return fuzz::accept_or_refuse([&] {
    const auto pickle = interop::Pickle::read(fuzz::text_of(data, size), "input");
    for (const auto& node : pickle.nodes()) interop::Pickle::describe(node);
    pickle.find(pickle.node(pickle.root()), "model");
  });
}
