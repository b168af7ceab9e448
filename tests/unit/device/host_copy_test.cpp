#include "longspan/device/host_copy.h"

#include "support/torch_catch.h"

namespace longspan {
namespace {

TEST_CASE("a host copy holds what a tensor was, not what it becomes") {
  const at::Tensor x = at::arange(3, at::kDouble);
  const HostCopy copy(x);
  x.add_(1);
  CHECK(copy.wait().equal(at::arange(3, at::kDouble)));
}

}  // namespace
}  // namespace longspan
