// Memory that runs out is found by whoever asks for it next, each with words of its own; what to do
// about it depends on the work.

#include "cli/memory_advice.h"

#include <algorithm>
#include <vector>

#include "cli/exit_code.h"
#include "longspan/core/error.h"
#include "longspan/device/device.h"

namespace longspan::cli {

std::string train_advice(const RunConfig& config) {
  const TrainConfig& train = config.train;
  const std::int64_t seq_len = config.data.seq_len;
  std::vector<std::string> ways;
  if (train.micro_batch_tokens == 0)
    ways.push_back("set train.micro_batch_tokens below what the log says");
  else if (train.micro_batch_tokens > seq_len)
    ways.push_back(concat("lower train.micro_batch_tokens (", train.micro_batch_tokens, ")"));
  if (!train.activation_checkpointing) ways.push_back("set train.activation_checkpointing");
  if (!config.distributed.shard_optimizer)
    ways.push_back("set distributed.shard_optimizer on several ranks");
  const auto& lengths = config.validate.extrapolation_lengths;
  if (!lengths.empty())
    ways.push_back(concat("lower validate.extrapolation_lengths (", std::ranges::max(lengths),
                          ") if it validated"));
  ways.push_back(concat("lower data.seq_len (", seq_len, ")"));
  std::string text;
  for (std::size_t i = 0; i < ways.size(); ++i)
    text += concat(i == 0 ? "" : i + 1 == ways.size() ? " or " : ", ", ways[i]);
  return text;
}

void with_memory_advice(std::string_view advice, const std::function<void()>& work) try {
  work();
} catch (const Error&) {
  throw;
} catch (const std::exception& error) {
  if (!is_out_of_memory(error)) throw;
  throw Error(ErrorKind::Memory, concat(out_of_memory_text(error), "; ", advice));
}

// LibTorch's words, of which the number of bytes is kept.
std::string out_of_memory_text(const std::exception& error) {
  const std::string line = first_line(error);
  const auto begin = line.find("tried to allocate ");
  if (begin == std::string::npos) return "out of memory";
  return "out of memory: " + line.substr(begin, line.find('.', begin) - begin);
}

}  // namespace longspan::cli
