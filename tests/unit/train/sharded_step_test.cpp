// Steps whose update ranks divide between them, beside steps that every rank does whole.

#include "train/step.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "support/paths.h"
#include "support/ranks.h"
#include "support/scattering.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "support/trainable.h"
#include "train/workspace.h"

namespace longspan {
namespace {

constexpr int kSteps = 4;

// What is left of a run on a rank.
struct Outcome {
  std::vector<double> norms, losses, rates;
  std::vector<std::vector<LayerNorms>> layers;  // of each step
  std::int64_t skipped = 0;
  NamedTensors parameters, state;
  std::string error;
};

bool are_same(const std::vector<double>& some, const std::vector<double>& others) {
  return std::ranges::equal(some, others, [](double one, double other) {
    return one == other || (std::isnan(one) && std::isnan(other));
  });
}

// But for the norms.
bool have_same_bits(const Outcome& one, const Outcome& other) {
  const auto equal = [](const NamedTensor& a, const NamedTensor& b) {
    return a.name == b.name && a.tensor.nan_to_num(7.0).equal(b.tensor.nan_to_num(7.0));
  };
  return std::ranges::equal(one.parameters, other.parameters, equal) &&
         std::ranges::equal(one.state, other.state, equal) && are_same(one.losses, other.losses) &&
         one.skipped == other.skipped && one.error == other.error;
}

// The layers' gradients are the whole one. Both are sums of up to 10^4 squares in double, in two
// orders.
void check_layers(const Outcome& outcome, bool are_measured) {
  std::int64_t without = 0;
  for (std::size_t step = 0; step < outcome.layers.size(); ++step) {
    double squares = 0.0;
    for (const LayerNorms& layer : outcome.layers[step]) {
      squares += layer.gradient * layer.gradient;
      CHECK(layer.weight > 0.0);
      CHECK((layer.update > 0.0) == (outcome.rates[step] > 0.0));
    }
    if (outcome.layers[step].empty())
      ++without;
    else
      CHECK(std::abs(std::sqrt(squares) / outcome.norms[step] - 1.0) < 1e4 * 0x1p-53);
  }
  CHECK(without == (are_measured ? outcome.skipped : std::ssize(outcome.layers)));
}

bool are_same_layers(const std::vector<LayerNorms>& some, const std::vector<LayerNorms>& others) {
  return std::ranges::equal(some, others, [](const LayerNorms& one, const LayerNorms& other) {
    return one.layer == other.layer && one.gradient == other.gradient &&
           one.weight == other.weight && one.update == other.update;
  });
}

bool are_near(const LayerNorms& one, const LayerNorms& other, double tolerance) {
  const auto near = [&](double a, double b) { return std::abs(a - b) <= tolerance * std::abs(b); };
  return one.layer == other.layer && near(one.gradient, other.gradient) &&
         near(one.weight, other.weight) && near(one.update, other.update);
}

Outcome take_steps(Workspace& work, bool measures_layers) {
  Outcome outcome;
  BatchLoader loader(work.train_stream, work.plan, work.config.data.seq_len,
                     work.data.tokenizer().start_id(), 0,
                     {work.communicator.rank(), work.communicator.world_size()});
  try {
    for (int step = 0; step < kSteps; ++step) {
      const auto batch = loader.next();
      const auto result =
          run_step({work.config, work.model, *work.optimizer, work.communicator, work.reducer.get(),
                    work.loss_scale ? &*work.loss_scale : nullptr},
                   {batch,
                    outcome.skipped,
                    [] { return StepVote{}; },
                    {},
                    {},
                    nullptr,
                    /*is_checked=*/false,
                    measures_layers});
      outcome.norms.push_back(result.grad_norm);
      outcome.layers.push_back(result.layer_norms);
      outcome.rates.push_back(result.lr);
      outcome.losses.push_back(result.loss_sum);
      outcome.skipped += result.skipped ? 1 : 0;
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Numeric) throw;
    outcome.error = error.what();
  }
  outcome.parameters = testing::copies(work.model.parameters());
  outcome.state = testing::copies(work.optimizer->state());
  return outcome;
}

// Of every rank.
struct Outcomes {
  explicit Outcomes(int ranks) : all(static_cast<std::size_t>(ranks)) {}
  const Outcome& first() const { return all.front(); }
  void check_alike() const {
    for (const Outcome& outcome : all) {
      CHECK(have_same_bits(outcome, first()));
      CHECK(are_same(outcome.norms, first().norms));
      CHECK(std::ranges::equal(outcome.layers, first().layers, are_same_layers));
    }
  }
  std::vector<Outcome> all;
};

// The same steps with updates that every rank does whole, and that ranks divide, over all-reduces
// and twice over scattered sums. Of two the layers are measured, which changes no bit.
struct Runs {
  explicit Runs(int ranks) : whole(ranks), sharded(ranks), scattered(ranks), again(ranks) {}
  Outcomes whole, sharded, scattered, again;
};

Runs run(
    int ranks, std::vector<std::string> overrides,
    const std::function<void(Workspace&)>& prepare = [](Workspace&) {}) {
  const testing::TemporaryFolder folder;
  overrides.insert(overrides.begin(), "distributed.bucket_mib=0.01");
  overrides.push_back("data.shards=" + (folder.path() / "shards").string());
  const auto path = testing::source_folder() / "configs/tests/tiny.yaml";
  auto config = read_run_config(config::Document::from_file(path, overrides));
  prepare_data(config.data);
  const auto whole_config = config;
  config.distributed.shard_optimizer = true;
  Runs runs(ranks);
  testing::run_ranks(ranks, [&](Communicator& group) {
    testing::Scattering scattering(group);
    const auto take = [&](const RunConfig& the_config, Communicator& communicator, Outcomes& to,
                          bool measures_layers) {
      Workspace work(the_config, {folder.path() / "run", "never", {}}, communicator);
      prepare(work);
      to.all[static_cast<std::size_t>(group.rank())] = take_steps(work, measures_layers);
    };
    take(whole_config, group, runs.whole, false);
    take(config, group, runs.sharded, true);
    take(config, scattering, runs.scattered, true);
    take(config, scattering, runs.again, false);
  });
  runs.sharded.check_alike();
  runs.scattered.check_alike();
  check_layers(runs.sharded.first(), true);
  check_layers(runs.scattered.first(), true);
  check_layers(runs.again.first(), false);
  CHECK(have_same_bits(runs.again.first(), runs.scattered.first()));
  CHECK(are_same(runs.again.first().norms, runs.scattered.first().norms));
  CHECK(have_same_bits(runs.sharded.first(), runs.whole.first()));
  CHECK(are_same(runs.sharded.first().norms, runs.whole.first().norms));
  return runs;
}

double largest_difference(const Outcome& one, const Outcome& other) {
  double largest = 0.0;
  for (std::size_t i = 0; i < one.parameters.size(); ++i) {
    const at::Tensor difference = one.parameters[i].tensor - other.parameters[i].tensor;
    largest = std::max(largest, difference.abs().max().item<double>());
  }
  return largest;
}

// Over scattered sums the norm is rounded in another place, and beyond two ranks the sums are
// formed in another order.
TEST_CASE("sharded steps are whole ones: over all-reduces the same bits", "[group]") {
  const std::vector<std::string> nag{"optimizer={kind: nag, clip_norm: 0.1}",
                                     "schedule.peak_lr=0.5"};
  for (const int ranks : {2, 3, 4, 8}) {
    INFO(ranks << " ranks");
    for (const auto& overrides : {std::vector<std::string>{"optimizer.clip_norm=0.1"}, nag}) {
      const auto runs = run(ranks, overrides);
      const double norm = runs.whole.first().norms[0];
      CHECK(std::abs(runs.scattered.first().norms[0] - norm) < (ranks == 2 ? 1e-14 : 1e-6) * norm);
      CHECK(largest_difference(runs.scattered.first(), runs.whole.first()) < 1e-4);
    }
    const auto runs = run(ranks, {"distributed.reduce_precision=bf16"});
    const double norm = runs.whole.first().norms[0];
    CHECK(std::abs(runs.scattered.first().norms[0] - norm) < ranks / 256.0 * norm);
  }
}

TEST_CASE("two ranks have one order of sums: scattered ones give the bits of whole ones",
          "[group]") {
  for (const char* wire : {"fp32", "bf16"}) {
    const auto runs =
        run(2, {"optimizer.clip_norm=0.0", concat("distributed.reduce_precision=", wire)});
    CHECK(have_same_bits(runs.scattered.first(), runs.whole.first()));
  }
}

// Over all-reduces a rank has all of a layer, over scattered sums a part.
TEST_CASE("the norms of layers are those of one rank, however many share them", "[group]") {
  const auto one = run(1, {"optimizer.clip_norm=0.1"}).sharded.first();
  REQUIRE(one.layers.front().size() >= 3);
  for (const int ranks : {2, 3}) {
    const auto runs = run(ranks, {"optimizer.clip_norm=0.1"});
    for (const Outcome* outcome : {&runs.sharded.first(), &runs.scattered.first()}) {
      REQUIRE(outcome->layers.size() == one.layers.size());
      for (std::size_t step = 0; step < one.layers.size(); ++step)
        // The order of float32 sums over ranks, which AdamW's first steps raise.
        CHECK(std::ranges::equal(outcome->layers[step], one.layers[step],
                                 [](const LayerNorms& some, const LayerNorms& other) {
                                   return are_near(some, other, 1e-4);
                                 }));
    }
  }
}

TEST_CASE("a loss scale that overflows skips the same steps where sums are scattered",
          "[group][fp16]") {
  const auto runs = run(2, {"train.precision=fp16", "optimizer.clip_norm=0.0",
                            "train.loss_scale={init: 16384, window: 4}"});
  CHECK(runs.whole.first().skipped > 0);
  CHECK(runs.whole.first().skipped < kSteps);
  CHECK(have_same_bits(runs.scattered.first(), runs.whole.first()));
}

// In one bucket the last ranks alone own the first parameter.
TEST_CASE("what is not finite is named alike on all ranks", "[group]") {
  const auto prepare = [](Workspace& work) {
    const at::NoGradGuard no_gradient;
    work.model.parameters().back().tensor.fill_(std::nan(""));
  };
  for (const int ranks : {2, 3, 8}) {
    const auto runs = run(ranks, {"distributed.bucket_mib=1"}, prepare);
    CHECK(runs.whole.first().error.find("gradient of ") != std::string::npos);
    CHECK(runs.scattered.first().error == runs.whole.first().error);
  }
}

}  // namespace
}  // namespace longspan
