// `micro_batch_tokens: auto`.

#include "train/micro_batch.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/device/device.h"
#include "longspan/device/memory_meter.h"
#include "longspan/device/processor.h"
#include "train/step.h"

namespace longspan {
namespace {

constexpr double kShare = 0.8;  // of the memory that is free; the rest is for what is not measured

// Ids spread over the whole vocabulary, so that every band of an adaptive one is in use.
HostBatch trial_batch(std::int64_t num_sequences, std::int64_t seq_len, std::int64_t vocab_size) {
  constexpr std::int64_t kPrime = 7919;
  const std::int64_t tokens = num_sequences * seq_len;
  HostBatch batch{num_sequences, seq_len, tokens, {}, {}, {}};
  for (std::int64_t i = 0; i < tokens; ++i) {
    batch.input_ids.push_back(i * kPrime % vocab_size);
    batch.target_ids.push_back((i + 1) * kPrime % vocab_size);
  }
  for (std::int64_t i = 0; i < num_sequences; ++i) batch.sequence_ids.push_back(i);
  return batch;
}

std::int64_t free_bytes(c10::Device device) {
  return device.is_cpu() ? available_memory() : free_gpu_memory(device);
}

std::int64_t bytes_of_pass(RunConfig config, const Transformer& model, std::int64_t sequences) {
  const std::int64_t seq_len = config.data.seq_len;
  config.train.micro_batch_tokens = sequences * seq_len;
  const BatchLoader::Step step{0, 0, trial_batch(sequences, seq_len, model.vocab_size())};
  return peak_tensor_bytes([&] {
    accumulate_gradients(config, model, step);
    drop_gradients(model.parameters());
  });
}

}  // namespace

std::int64_t sequences_that_fit(std::int64_t num_sequences, std::int64_t bytes_a_sequence,
                                std::int64_t budget_bytes) {
  const std::int64_t most =
      std::min(num_sequences, budget_bytes / std::max<std::int64_t>(1, bytes_a_sequence));
  if (most < 1) return 0;
  const std::int64_t passes = ceil_divide(num_sequences, most);
  return ceil_divide(num_sequences, passes);
}

HostRanks ranks_on_this_host(Communicator& communicator) {
  char own[256] = {};
  ::gethostname(own, sizeof own - 1);
  const auto hosts = communicator.all_gather_texts(own);
  return {communicator.world_size(), static_cast<int>(std::ranges::count(hosts, own))};
}

std::int64_t find_micro_batch_tokens(const RunConfig& config, const Transformer& model,
                                     const HostRanks& ranks) {
  const c10::Device device = model.parameters().front().tensor.device();
  const int sharers = device.is_cpu() ? ranks.here : 1;
  const auto budget =
      static_cast<std::int64_t>(kShare * static_cast<double>(free_bytes(device))) / sharers;
  const std::int64_t one = bytes_of_pass(config, model, 1), two = bytes_of_pass(config, model, 2);
  const std::int64_t each = std::max<std::int64_t>(1, two - one), fixed = one - each;
  const std::int64_t sequences = sequences_that_fit(
      ceil_divide<std::int64_t>(config.sequences_per_step(), ranks.all), each, budget - fixed);
  check(sequences > 0, ErrorKind::Memory, "a pass over one sequence of ", config.data.seq_len,
        " tokens must fit into memory: it takes ", one, " bytes, free are ", budget,
        "; lower data.seq_len or set train.activation_checkpointing");
  return sequences * config.data.seq_len;
}

}  // namespace longspan
