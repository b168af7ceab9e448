// Measures a training step of several processes with longspan's gradient hooks beside c10d's own
// Reducer and beside the same step without any exchange. The three take turns, step by step, in the
// same processes, on models of their own that start alike and see the same batches, so that what
// else the machine does falls on all of them alike.
//
// Usage: reducer_benchmark CONFIG PROCESSES STEPS [KEY=VALUE...]

#include <ATen/ops/zeros.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "distributed/store.h"
#include "longspan/distributed/launch.h"
#include "train/step.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

constexpr std::chrono::seconds kTimeout{60};
constexpr int kWarmUp = 10;

Group make_group(const Placement& placement) {
  const auto store = c10::make_intrusive<c10d::PrefixStore>(
      "benchmark", connect_store(placement, kTimeout, false));
  auto options = c10d::ProcessGroupGloo::Options::create(kTimeout);
  options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")};
  auto group = c10::make_intrusive<c10d::ProcessGroup>(store, placement.rank, placement.world_size);
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
  group->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::GLOO,
                    c10::make_intrusive<c10d::ProcessGroupGloo>(store, placement.rank,
                                                                placement.world_size, options));
  group->setGroupName("benchmark");
  return group;
}

// c10d's Reducer as DistributedDataParallel sets it up, with gradients as views of the buckets. It
// averages, so that a rank's own number of targets is what the gradient is divided by.
class ReducerOfC10d {
 public:
  ReducerOfC10d(const NamedTensors& parameters, Group group, std::int64_t bucket_bytes)
      : group_(std::move(group)) {
    std::vector<at::Tensor> tensors;
    for (const auto& parameter : parameters) tensors.push_back(parameter.tensor);
    const std::vector<bool> sparse(tensors.size(), false);
    const auto first = std::min<std::int64_t>(c10d::kDefaultFirstBucketBytes, bucket_bytes);
    auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(
        tensors, {static_cast<std::size_t>(first), static_cast<std::size_t>(bucket_bytes)},
        sparse));
    std::ranges::reverse(buckets);
    reducer_ = std::make_shared<c10d::Reducer>(
        tensors, buckets, group_, sparse, bucket_bytes, /*find_unused_parameters=*/false,
        /*gradient_as_bucket_view=*/true, std::unordered_map<std::size_t, std::string>{}, first,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
        std::vector<std::int64_t>{});
  }

  void begin_step() {
    reducer_->prepare_for_forward();
    if (reducer_->should_rebuild_buckets()) reducer_->rebuild_buckets();
    reducer_->prepare_for_backward({});
  }

  // Backward ends with the gradients summed; the totals need a message of their own.
  void add_up_totals() {
    std::vector<at::Tensor> totals{at::zeros({kStepTotals}, at::kDouble)};
    group_->allreduce(totals)->wait();
  }

 private:
  Group group_;
  std::shared_ptr<c10d::Reducer> reducer_;
};

struct Contestant {
  std::string name;
  Transformer model;
  std::unique_ptr<Optimizer> optimizer;
  std::vector<double> milliseconds;
};

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

double largest_difference(const Transformer& a, const Transformer& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.parameters().size(); ++i)
    largest = std::max(
        largest, (a.parameters()[i].tensor - b.parameters()[i].tensor).abs().max().item<double>());
  return largest;
}

class Benchmark {
 public:
  Benchmark(const RunConfig& config, const Placement& placement)
      : config_(config),
        data_(prepare_data(config.data)),
        alone_(make_lone_communicator()),
        together_(join(placement, config.distributed, {})) {
    for (const char* name : {"no exchange", "hooks", "c10d"}) {
      Transformer model = make_model(config, data_.tokenizer().vocab_size());
      auto optimizer = config.optimizer.make(model.parameters());
      contestants_.push_back({name, std::move(model), std::move(optimizer), {}});
    }
    hooks_ = std::make_unique<GradientReducer>(
        contestants_[1].model.parameters(), *together_,
        GradientReducerOptions{config.distributed.bucket_bytes(),
                               config.distributed.reduce_precision});
    c10d_ =
        std::make_unique<ReducerOfC10d>(contestants_[2].model.parameters(), make_group(placement),
                                        config.distributed.bucket_bytes());
  }

  void run(int steps) {
    const TokenStream stream = data_.stream("train");
    BatchLoader loader(stream, make_run_plan(config_, stream.size()), config_.data.seq_len,
                       data_.tokenizer().start_id(), 0,
                       {together_->rank(), together_->world_size()});
    for (int step = 0; step < kWarmUp + steps; ++step) {
      const auto batch = loader.next();
      for (std::size_t turn = 0; turn < contestants_.size(); ++turn) {
        Contestant& contestant =
            contestants_[(turn + static_cast<std::size_t>(step)) % contestants_.size()];
        together_->all_reduce(at::zeros({1}));  // all begin at once
        const auto start = Clock::now();
        train(contestant, batch);
        const std::chrono::duration<double, std::milli> spent = Clock::now() - start;
        if (step >= kWarmUp) contestant.milliseconds.push_back(spent.count());
      }
    }
    if (together_->leads()) print();
    c10d_.reset();
    together_->leave();
  }

 private:
  void train(Contestant& contestant, const BatchLoader::Step& batch) {
    const bool is_hooks = contestant.name == "hooks", is_c10d = contestant.name == "c10d";
    if (is_c10d) c10d_->begin_step();
    const auto vote = [&] {
      if (is_c10d) c10d_->add_up_totals();
      return StepVote{};
    };
    run_step({config_, contestant.model, *contestant.optimizer, is_hooks ? *together_ : *alone_,
              is_hooks ? hooks_.get() : nullptr},
             {batch, 0, vote});
  }

  void print() const {
    const auto& base = contestants_.front().milliseconds;
    std::printf("%d processes, %lld parameters, %zu steps each; ms a step: p10, median, p90\n",
                together_->world_size(),
                static_cast<long long>(contestants_.front().model.num_parameters()), base.size());
    for (const auto& [name, model, optimizer, times] : contestants_) {
      std::vector<double> ratios;
      for (std::size_t i = 0; i < times.size(); ++i) ratios.push_back(times[i] / base[i]);
      std::printf("%-12s %8.2f %8.2f %8.2f   median ratio %.3f\n", name.c_str(),
                  quantile(times, 0.1), quantile(times, 0.5), quantile(times, 0.9),
                  quantile(ratios, 0.5));
    }
    std::printf("largest difference of a weight between hooks and c10d: %g\n",
                largest_difference(contestants_[1].model, contestants_[2].model));
  }

  RunConfig config_;
  ShardFolder data_;
  std::unique_ptr<Communicator> alone_, together_;
  std::vector<Contestant> contestants_;
  std::unique_ptr<GradientReducer> hooks_;
  std::unique_ptr<ReducerOfC10d> c10d_;
};

int run(const std::vector<std::string>& words) {
  if (words.size() < 4) {
    std::fputs("Usage: reducer_benchmark CONFIG PROCESSES STEPS [KEY=VALUE...]\n", stderr);
    return words.back() == "--help" ? 0 : 2;
  }
  const auto placement = find_placement(process_environment());
  if (!placement) return launch({std::stoi(words[2]), words});
  const RunConfig config =
      read_run_config(config::Document::from_file(words[1], {words.begin() + 4, words.end()}));
  Benchmark(config, *placement).run(std::stoi(words[3]));
  return 0;
}

}  // namespace
}  // namespace longspan

int main(int argc, char** argv) {
  try {
    return longspan::run({argv, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
