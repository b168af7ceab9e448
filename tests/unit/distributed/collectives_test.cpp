// Which of c10d's calls carry sums and gathers of parts, and over what: on a backend that sends
// nothing, and on Gloo. (c10d's own such backend needs Python's headers.)

#include "distributed/collectives.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "longspan/core/error.h"
#include "support/ranks.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Lines = std::vector<std::string>;

// A backend other than Gloo that notes what it is asked for, as "call: output <- input", by
// elements and the byte at which the one begins in the other.
class NotingBackend final : public c10d::Backend {
 public:
  NotingBackend(int rank, int size, Lines& lines) : Backend(rank, size), lines_(lines) {}
  const std::string getBackendName() const override { return "noting"; }
  Work allreduce(std::vector<at::Tensor>& tensors, const c10d::AllreduceOptions&) override {
    lines_.push_back(concat("all-reduce: ", tensors[0].numel()));
    return over();
  }
  Work _reduce_scatter_base(at::Tensor& output, at::Tensor& input,
                            const c10d::ReduceScatterOptions& options) override {
    if (options.reduceOp != c10d::ReduceOp::SUM) throw std::runtime_error("no sum");
    note("reduce-scatter", output, input, output, input);
    return over();
  }
  Work _allgather_base(at::Tensor& output, at::Tensor& input,
                       const c10d::AllgatherOptions&) override {
    note("all-gather", output, input, input, output);
    return over();
  }

 private:
  static Work over() { return c10::make_intrusive<c10d::Work>(); }
  void note(const char* call, const at::Tensor& output, const at::Tensor& input,
            const at::Tensor& part, const at::Tensor& whole) {
    lines_.push_back(concat(call, ": ", output.numel(), " <- ", input.numel(), ", part at byte ",
                            static_cast<const char*>(part.const_data_ptr()) -
                                static_cast<const char*>(whole.const_data_ptr())));
  }

  Lines& lines_;
};

c10::intrusive_ptr<c10d::ProcessGroup> noting_group(int rank, int size, Lines& lines) {
  const auto group =
      c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::HashStore>(), rank, size);
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::CUSTOM);
  group->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::CUSTOM,
                    c10::make_intrusive<NotingBackend>(rank, size, lines));
  return group;
}

TEST_CASE("sums and gathers of parts are one call each, in place, whatever the number of ranks") {
  for (const int size : {2, 3, 4, 8})
    for (const int rank : {0, 1, size - 1}) {
      INFO("rank " << rank << " of " << size);
      Lines lines;
      const auto group = noting_group(rank, size, lines);
      CHECK(scatters_sums(*group, at::kCPU));
      const at::Tensor floats = at::zeros({64 * size}),
                       halves = at::zeros({128 * size}, at::kBFloat16);
      start_part_sum(*group, floats);
      start_part_sum(*group, halves);
      start_part_gather(*group, floats);
      start_sum(*group, floats);
      const int byte = 256 * rank;
      CHECK(lines == Lines{concat("reduce-scatter: 64 <- ", 64 * size, ", part at byte ", byte),
                           concat("reduce-scatter: 128 <- ", 128 * size, ", part at byte ", byte),
                           concat("all-gather: ", 64 * size, " <- 64, part at byte ", byte),
                           concat("all-reduce: ", 64 * size)});
    }
}

// Each rank has rank + 1 in all of the first tensor, and its own part of the second alone.
TEST_CASE("Gloo sums all parts, and gathers them in place", "[group]") {
  for (const int size : {1, 2, 3, 4, 8})
    testing::run_ranks(size, [size](Communicator& communicator) {
      if (communicator.scatters_sums(at::kCPU)) throw std::runtime_error("Gloo scatters");
      const at::Tensor sum = at::full({2 * size}, communicator.rank() + 1.0);
      int calls = 0;
      communicator.start_part_sum(sum, [&calls] { ++calls; })->wait();
      if (!sum.eq(size * (size + 1) / 2.0).all().item<bool>()) throw std::runtime_error("sum");
      if (calls != 1) throw std::runtime_error("the sum was not told of once");
      const at::Tensor right = at::arange(2 * size, at::kFloat), found = at::zeros({2 * size});
      found.narrow(0, 2 * communicator.rank(), 2)
          .copy_(right.narrow(0, 2 * communicator.rank(), 2));
      communicator.start_part_gather(found)->wait();
      if (!found.equal(right)) throw std::runtime_error("gather");
    });
  SUCCEED();
}

}  // namespace
}  // namespace longspan
