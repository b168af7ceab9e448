// Cuts a stream into blocks. A block's input is the stream one token earlier than its targets,
// across block, line and article boundaries alike.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "data/document_table.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/data/batches.h"

namespace longspan {

std::int64_t TrainingStreams::size() const {
  return std::accumulate(begin(), end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& each) { return sum + each.size(); });
}

TrainingStreams::TrainingStreams(std::vector<TokenStream> streams, StreamDocuments documents,
                                 std::int64_t seq_len)
    : streams_(std::move(streams)), documents_(std::move(documents)) {
  check(documents_.bounds == DocumentBounds::None || documents_.tables.size() == streams_.size(),
        ErrorKind::Internal, "each stream must have a table of documents");
  if (documents_.bounds != DocumentBounds::Blocks) return;
  for (const auto& table : documents_.tables)
    cuts_.push_back(std::make_shared<const DocumentCut>(table, seq_len));
}

namespace {

std::int64_t num_blocks_of(const TrainingStreams& streams, std::size_t corpus,
                           std::int64_t seq_len) {
  const DocumentCut* const cut = streams.cut(corpus);
  if (cut == nullptr) return ceil_divide(streams[corpus].size(), seq_len);
  check(cut->seq_len() == seq_len, ErrorKind::Internal, "blocks were cut for sequences of ",
        cut->seq_len(), " tokens, got ", seq_len);
  return cut->num_blocks();
}

// Appends what the positions of a block attend to first. Position t has target begin + t, and its
// input is the token in front of it: what ends a document is where the next one starts from.
void append_first_seen(const DocumentTable& documents, const BlockPlace& place,
                       std::int64_t seq_len, std::vector<std::int32_t>& first_seen) {
  const std::int64_t end = place.begin + place.count;
  std::int64_t document = documents.of_token(place.begin), first = 0;
  for (std::int64_t token = place.begin; token < end; ++document) {
    first = std::max(std::int64_t{0}, documents.begin(document) - place.begin);
    const std::int64_t behind = std::min(documents.end(document), end);
    first_seen.insert(first_seen.end(), static_cast<std::size_t>(behind - token),
                      static_cast<std::int32_t>(first));
    token = behind;
  }
  first_seen.insert(first_seen.end(), static_cast<std::size_t>(seq_len - place.count),
                    static_cast<std::int32_t>(first));
}

}  // namespace

std::int64_t num_blocks(const TrainingStreams& streams, std::int64_t seq_len) {
  std::int64_t sum = 0;
  for (std::size_t corpus = 0; corpus < streams.count(); ++corpus)
    sum += num_blocks_of(streams, corpus, seq_len);
  return sum;
}

BlockPlace place_of_block(const TrainingStreams& streams, std::int64_t seq_len,
                          std::int64_t block) {
  const std::int64_t total = num_blocks(streams, seq_len);
  check(block >= 0 && block < total, ErrorKind::Internal, "block must be in 0 .. ", total - 1,
        ", got ", block);
  std::size_t corpus = 0;
  for (std::int64_t count = 0; count = num_blocks_of(streams, corpus, seq_len), block >= count;
       ++corpus)
    block -= count;
  if (const DocumentCut* const cut = streams.cut(corpus)) {
    const auto [begin, count] = cut->block(block);
    return {corpus, block, begin, count};
  }
  const std::int64_t begin = block * seq_len;
  return {corpus, block, begin, std::min(seq_len, streams[corpus].size() - begin)};
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
  batch.first_seen.clear();
  std::int64_t* input = batch.input_ids.data();
  std::int64_t* target = batch.target_ids.data();
  const std::int64_t* const end_of_input = input + batch.input_ids.size();
  for (const std::int64_t block : blocks) {
    const BlockPlace place = place_of_block(streams, seq_len, block);
    const auto [corpus, number, begin, count] = place;
    const TokenStream& stream = streams[corpus];
    if (const DocumentTable* const documents = streams.attention_documents(corpus))
      append_first_seen(*documents, place, seq_len, batch.first_seen);
    // One read of the stream for both: its last token lies where the padding or the next row will.
    if (begin > 0 && input + count < end_of_input) {
      stream.copy(begin - 1, count + 1, input);
      std::copy_n(input + 1, count, target);
    } else {
      stream.copy(begin, count, target);
      input[0] = start_id;
      if (begin > 0) stream.copy(begin - 1, 1, input);
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
