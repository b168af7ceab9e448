// Cuts a stream into blocks. A block's input is the stream one token earlier than its targets,
// across block, line and article boundaries alike.
#include <algorithm>
#include <cstddef>
#include <numeric>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/data/batches.h"

namespace longspan {

std::int64_t TrainingStreams::size() const {
  return std::accumulate(begin(), end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& each) { return sum + each.size(); });
}

std::int64_t num_blocks(const TrainingStreams& streams, std::int64_t seq_len) {
  return std::accumulate(
      streams.begin(), streams.end(), std::int64_t{0},
      [&](std::int64_t sum, const auto& each) { return sum + ceil_divide(each.size(), seq_len); });
}

BlockPlace place_of_block(const TrainingStreams& streams, std::int64_t seq_len,
                          std::int64_t block) {
  const std::int64_t total = num_blocks(streams, seq_len);
  check(block >= 0 && block < total, ErrorKind::Internal, "block must be in 0 .. ", total - 1,
        ", got ", block);
  std::size_t corpus = 0;
  for (std::int64_t count = 0; count = ceil_divide(streams[corpus].size(), seq_len), block >= count;
       ++corpus)
    block -= count;
  return {corpus, block * seq_len, std::min(seq_len, streams[corpus].size() - block * seq_len)};
}

void read_blocks(const TrainingStreams& streams, std::int64_t seq_len, std::int32_t start_id,
                 std::span<const std::int64_t> blocks, std::int64_t first_sequence,
                 HostBatch& batch) {
  batch.num_sequences = static_cast<std::int64_t>(blocks.size());
  batch.seq_len = seq_len;
  batch.num_targets = 0;
  batch.input_ids.resize(blocks.size() * static_cast<std::size_t>(seq_len));
  batch.target_ids.resize(blocks.size() * static_cast<std::size_t>(seq_len));
  batch.sequence_ids.clear();
  std::int64_t* input = batch.input_ids.data();
  std::int64_t* target = batch.target_ids.data();
  for (const std::int64_t block : blocks) {
    const auto [corpus, begin, count] = place_of_block(streams, seq_len, block);
    const TokenStream& stream = streams[corpus];
    stream.copy(begin, count, target);
    if (begin > 0) {
      stream.copy(begin - 1, count, input);  // cheaper than from the targets, which are wider
    } else {
      input[0] = start_id;
      std::copy_n(target, count - 1, input + 1);
    }
    std::fill_n(input + count, seq_len - count, 0);
    std::fill_n(target + count, seq_len - count, kIgnoredTarget);
    batch.num_targets += count;
    batch.sequence_ids.push_back(first_sequence++);
    input += seq_len;
    target += seq_len;
  }
}

}  // namespace longspan
