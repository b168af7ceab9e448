// What a step takes, and which of its parts.

#include "longspan/train/benchmark.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/core/progress.h"
#include "longspan/core/random.h"
#include "longspan/device/device.h"
#include "train/micro_batch.h"
#include "train/part_times.h"
#include "train/step.h"

namespace longspan {
namespace {

constexpr int kFirstSteps = 2;  // in which buffers and libraries are set up
constexpr int kMostObserved = 3;

int num_observed(const BenchmarkOptions& options) { return std::min(options.steps, kMostObserved); }

// Log-uniform, so that the k-th id is as frequent as 1 / k says.
std::int64_t zipf_id(RandomStream& random, std::int64_t vocab_size) {
  const double id = std::exp(random.uniform() * std::log(static_cast<double>(vocab_size) + 1.0));
  return std::min(static_cast<std::int64_t>(id) - 1, vocab_size - 1);
}

HostBatch made_up_batch(const RunConfig& config, std::int64_t step, std::int64_t vocab_size) {
  const std::int64_t sequences = config.sequences_per_step(), T = config.data.seq_len;
  HostBatch batch{sequences, T, sequences * T, {}, {}, {}};
  RandomStream random(config.seed, RandomPurpose::Benchmark, static_cast<std::uint64_t>(step));
  for (std::int64_t sequence = 0; sequence < sequences; ++sequence) {
    std::int64_t id = zipf_id(random, vocab_size);
    for (std::int64_t t = 0; t < T; ++t) {
      batch.input_ids.push_back(id);
      id = zipf_id(random, vocab_size);
      batch.target_ids.push_back(id);
    }
    batch.sequence_ids.push_back(sequence);
  }
  return batch;
}

class Steps {
 public:
  Steps(RunConfig config, const BenchmarkOptions& options)
      : config_(std::move(config)),
        vocab_size_(options.vocab_size),
        num_steps_(kFirstSteps + options.steps + num_observed(options)),
        model_(make_model(config_, options.vocab_size)) {
    model_.to(options.device);
    optimizer_ = config_.optimizer.make(model_.parameters());
    std::int64_t& micro_batch = config_.train.micro_batch_tokens;
    if (micro_batch == 0) micro_batch = find_micro_batch_tokens(config_, model_);
    if (config_.train.precision == Precision::Fp16)
      loss_scale_.emplace(config_.train.loss_scale,
                          ceil_divide(config_.train.batch_tokens, micro_batch));
  }

  /// Returns the seconds of the next step, the making of its tokens aside.
  double run() {
    const BatchLoader::Step batch{step_, 0, made_up_batch(config_, step_, vocab_size_)};
    ++step_;
    const auto begin = std::chrono::steady_clock::now();
    // The host reads the loss of every step, so the device is done when it ends.
    run_step({config_, model_, *optimizer_, *communicator_, nullptr,
              loss_scale_ ? &*loss_scale_ : nullptr},
             {batch, 0, [] { return StepVote(); }});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    progress_.update([this] { return text(); });
    return seconds.count();
  }

  std::int64_t micro_batch_tokens() const { return config_.train.micro_batch_tokens; }

 private:
  std::string text() const {
    const double seconds_a_step = progress_.seconds() / static_cast<double>(step_);
    char rate[32];
    std::snprintf(rate, sizeof rate, "%.3g s a step", seconds_a_step);
    return concat("bench ", config_.name, " | step ", step_, " of ", num_steps_, " | ", rate, " | ",
                  clock_text(seconds_a_step * static_cast<double>(num_steps_ - step_)), " left");
  }

  RunConfig config_;
  std::int64_t vocab_size_, num_steps_, step_ = 0;
  Transformer model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<LossScale> loss_scale_;
  std::unique_ptr<Communicator> communicator_ = make_lone_communicator();
  ProgressLine progress_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

void measure_parts(Steps& steps, const BenchmarkOptions& options, StepBenchmark& result) {
  const int observed = num_observed(options);
  double total = 0.0;
  std::map<std::string, double> seconds;
  {
    const PartTimes times(options.device);
    for (int i = 0; i < observed; ++i) total += steps.run();
    seconds = times.seconds();
  }
  result.parts_seconds = total / observed;
  double rest = total;
  for (const auto& [part, sum] : seconds) {
    result.parts.emplace_back(part, sum / observed);
    rest -= sum;
  }
  result.parts.emplace_back("between operators", rest / observed);
  std::ranges::stable_sort(result.parts, std::greater(), &std::pair<std::string, double>::second);
}

}  // namespace

StepBenchmark benchmark_step(RunConfig config, const BenchmarkOptions& options) {
  Steps steps(std::move(config), options);
  for (int i = 0; i < kFirstSteps; ++i) steps.run();
  StepBenchmark result;
  result.micro_batch_tokens = steps.micro_batch_tokens();
  reset_peak_memory(options.device);
  std::vector<double> seconds;
  for (int i = 0; i < options.steps; ++i) seconds.push_back(steps.run());
  result.peak_bytes = peak_memory(options.device);
  result.median_seconds = median(seconds);
  result.fastest_seconds = *std::ranges::min_element(seconds);
  measure_parts(steps, options, result);
  return result;
}

}  // namespace longspan
