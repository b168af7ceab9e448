// Steps that are computed twice, and ranks whose parameters are compared.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>

#include "longspan/core/error.h"
#include "support/paths.h"
#include "support/ranks.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "train/pass_sums.h"
#include "train/step.h"
#include "train/workspace.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

// The gain of a norm starts at 1 and becomes 1.5: no rounding hides that from the loss.
void flip_bit(const Workspace& work) {
  const at::NoGradGuard no_gradient;
  for (const auto& [name, tensor] : work.model.parameters())
    if (name == "layers.0.ffn_norm.weight") tensor.detach().view(at::kInt)[7].bitwise_xor_(1 << 22);
}

NamedTensors copies(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) result.push_back({name, tensor.detach().clone()});
  return result;
}

bool are_equal(const NamedTensors& some, const NamedTensors& others) {
  return std::ranges::equal(some, others, [](const NamedTensor& a, const NamedTensor& b) {
    return a.tensor.equal(b.tensor);
  });
}

// A run's start, to take steps from.
class Steps {
 public:
  explicit Steps(std::vector<std::string> overrides = {})
      : config_([&] {
          overrides.push_back("data.shards=" + (folder_.path() / "shards").string());
          return read_run_config(config::Document::from_file(
              testing::source_folder() / "configs/tests/tiny.yaml", overrides));
        }()) {
    prepare_data(config_.data);
  }

  // Calls use with the start, and with a function that takes its next step.
  template <class Use>
  void run(Communicator& communicator, const Use& use) const {
    Workspace work(config_, {folder_.path() / "run", "never", {}}, communicator);
    BatchLoader loader(work.train_stream, work.plan, config_.data.seq_len,
                       work.data.tokenizer().start_id(), 0,
                       {communicator.rank(), communicator.world_size()});
    use(work, [&](bool is_checked, const std::function<bool()>& should_stop) {
      const auto batch = loader.next();
      return run_step({work.config, work.model, *work.optimizer, communicator, work.reducer.get()},
                      {.batch = batch,
                       .vote = [] { return StepVote{}; },
                       .should_stop = should_stop,
                       .is_checked = is_checked});
    });
  }

 private:
  testing::TemporaryFolder folder_;
  RunConfig config_;
};

// What ranks on threads of their own saw is looked at once they have ended: Catch2's assertions are
// for one thread.
constexpr int kRanks = 2;
template <class Fact>
using ByRank = std::array<Fact, kRanks>;
template <class Fact>
Fact& of_rank(ByRank<Fact>& facts, const Communicator& communicator) {
  return facts.at(static_cast<std::size_t>(communicator.rank()));
}

TEST_CASE("a step that is computed twice has the bits of one that is not", "[group]") {
  struct Ends {
    std::vector<int> passes;
    std::vector<NamedTensors> parameters;
  };
  for (const auto* sharding :
       {"distributed.shard_optimizer=false", "distributed.shard_optimizer=true"}) {
    const Steps steps({sharding, "distributed.bucket_mib=0.01"});
    const auto take = [&](Communicator& communicator) {
      Ends ends;
      for (const bool is_checked : {false, true})
        steps.run(communicator, [&](const Workspace& work, const auto& step) {
          int passes = 0;
          for (int i = 0; i < 3; ++i) step(is_checked, [&] { return ++passes < 0; });
          ends.passes.push_back(passes);
          ends.parameters.push_back(copies(work.model.parameters()));
        });
      return ends;
    };
    const auto compare = [](const Ends& ends, int share) {  // micro-batches of a step
      CHECK(ends.passes == std::vector{3 * share, 3 * share * 2});
      CHECK(are_equal(ends.parameters.at(0), ends.parameters.at(1)));
    };
    compare(take(*make_lone_communicator()), 2);
    ByRank<Ends> together;
    testing::run_ranks(kRanks, [&](Communicator& communicator) {
      of_rank(together, communicator) = take(communicator);
    });
    for (const Ends& ends : together) compare(ends, 1);
  }
}

TEST_CASE("a bit that flips between two computations of a step is found, on its rank", "[group]") {
  struct Seen {
    testing::Caught error;
    bool is_as_before = false;
  };
  const Steps steps;
  ByRank<Seen> all;
  testing::run_ranks(kRanks, [&](Communicator& communicator) {
    Seen& seen = of_rank(all, communicator);
    steps.run(communicator, [&](const Workspace& work, const auto& step) {
      const auto before = copies(work.model.parameters());
      int passes = 0;
      const auto flip = [&] {
        if (++passes == 2 && communicator.rank() == 1) flip_bit(work);
        return false;
      };
      seen.error = testing::caught([&] { step(/*is_checked=*/true, flip); });
      if (communicator.rank() == 1) flip_bit(work);
      seen.is_as_before = are_equal(copies(work.model.parameters()), before);
    });
  });
  for (const auto& [error, is_as_before] : all) {
    CHECK(error.kind == ErrorKind::Internal);
    CHECK_THAT(error.text, ContainsSubstring("step 1 computed twice must give the same bits") &&
                               ContainsSubstring("it does not: the loss on rank 1; "));
    CHECK(is_as_before);
  }
}

TEST_CASE("the first gradient that differs in a bit is named") {
  const NamedTensors parameters{{"a", at::zeros({2})}, {"b", at::zeros({3})}, {"c", at::zeros({})}};
  const PassSums first{at::ones({}, at::kDouble), {at::ones({2}), at::Tensor(), at::ones({})}};
  PassSums second{at::ones({}, at::kDouble), {at::ones({2}), at::Tensor(), at::ones({})}};
  CHECK(first_difference(parameters, first, second).empty());
  second.gradients[2].view(at::kInt).bitwise_xor_(1);
  CHECK(first_difference(parameters, first, second) == "the gradient of c");
  second.gradients[1] = at::zeros({3});
  CHECK(first_difference(parameters, first, second) == "the gradient of b");
  second.loss_sum.view(at::kLong).bitwise_xor_(1);
  CHECK(first_difference(parameters, first, second) == "the loss");
  PassSums negative = first;
  negative.gradients[0] = at::zeros({2});
  PassSums positive = first;
  positive.gradients[0] = -at::zeros({2});
  CHECK(first_difference(parameters, negative, positive) == "the gradient of a");
}

TEST_CASE("a told stop ends a step that is computed twice in either computation") {
  const Steps steps;
  const auto communicator = make_lone_communicator();
  for (const int last : {1, 3})
    steps.run(*communicator, [&](const Workspace& work, const auto& step) {
      const auto before = copies(work.model.parameters());
      int passes = 0;
      CHECK(step(/*is_checked=*/true, [&] { return ++passes > last; }).abandoned);
      CHECK(are_equal(copies(work.model.parameters()), before));
      for (const auto& parameter : work.model.parameters())
        CHECK_FALSE(parameter.tensor.grad().defined());
    });
}

TEST_CASE("a bit of one rank's parameters is found after the step, whatever the update",
          "[group]") {
  for (const auto* sharding :
       {"distributed.shard_optimizer=false", "distributed.shard_optimizer=true"}) {
    const Steps steps({sharding});
    struct Seen {
      testing::Caught before, after;
    };
    ByRank<Seen> all;
    testing::run_ranks(kRanks, [&](Communicator& communicator) {
      Seen& seen = of_rank(all, communicator);
      steps.run(communicator, [&](Workspace& work, const auto& step) {
        step(/*is_checked=*/false, {});
        work.progress.step = 1;
        seen.before = testing::caught([&] { work.check_ranks_are_equal(); });
        if (communicator.rank() == 1) flip_bit(work);
        seen.after = testing::caught([&] { work.check_ranks_are_equal(); });
      });
    });
    for (const auto& [before, after] : all) {
      CHECK(before.text.empty());
      CHECK(after.kind == ErrorKind::Distributed);
      CHECK_THAT(after.text,
                 ContainsSubstring("after step 1: layers.0.ffn_norm.weight must be equal on all "
                                   "ranks, it differs between rank 1 and rank 0"));
    }
  }
}

}  // namespace
}  // namespace longspan
