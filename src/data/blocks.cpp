// Cuts a stream into blocks. A block's input is the stream one token earlier than its targets,
// across block, line and article boundaries alike.
#include <algorithm>
#include <cstddef>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/data/batches.h"

namespace longspan {

std::int64_t num_blocks(const TokenStream& stream, std::int64_t seq_len) {
  return ceil_divide(stream.size(), seq_len);
}

void read_blocks(const TokenStream& stream, std::int64_t seq_len, std::int32_t start_id,
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
    check(block >= 0 && block < num_blocks(stream, seq_len), ErrorKind::Internal,
          "block must be in 0 .. ", num_blocks(stream, seq_len) - 1, ", got ", block);
    const std::int64_t begin = block * seq_len;
    const std::int64_t count = std::min(seq_len, stream.size() - begin);
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
