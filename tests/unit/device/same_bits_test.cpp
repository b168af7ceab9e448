// What a GPU may compute with: a stand-in that is no GPU is bound, LibTorch's switch is the same.

#include <ATen/Context.h>

#include "longspan/device/device.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("once a GPU is bound, an operator that may not repeat its bits is an error") {
  auto x = at::zeros({3});
  const auto put = [&] { x.put_(at::zeros({1}, at::kLong), at::ones({1})); };
  put();
  set_gpu_variables();
  bind_to(c10::kMeta);
  CHECK_THROWS_WITH(put(), ContainsSubstring("does not have a deterministic implementation"));
  at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/false);
}

}  // namespace
}  // namespace longspan
