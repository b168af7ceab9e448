// Documents to ids. A file is a document that only one thread can encode, so that each thread would
// hold one, and their ids wait for each other: large ones are encoded one at a time.
#include "data/document_encoding.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "data/lines.h"
#include "data/ordered_work.h"
#include "longspan/tokenizer/words.h"

namespace longspan {
namespace {

constexpr std::size_t kLargeBytes = std::size_t{1} << 24;

struct EncodedDocuments {
  EncodedIds encoded;  // of each document behind a start id
  TextCounts counts;
};

struct Job {
  DocumentBlock block;
  std::optional<EncodedDocuments> encoded;  // of a large document
};

EncodedDocuments encode(const DocumentBlock& block, std::int32_t start_id, LineEncoder& encoder) {
  EncodedDocuments result;
  std::vector<std::int32_t>& ids = result.encoded.ids;
  TextCounts& counts = result.counts;
  counts.bytes = for_each_document(block, [&](std::string_view document) {
    ids.push_back(start_id);
    result.encoded.documents.push_back(ids.size());
    counts.unknown += encoder.encode(document, ids);
    counts.lines += count_lines(document);
    counts.words += count_words(document);
  });
  return result;
}

void add(TextCounts& counts, const TextCounts& more) {
  counts.lines += more.lines;
  counts.words += more.words;
  counts.bytes += more.bytes;
  counts.unknown += more.unknown;
}

}  // namespace

TextCounts encode_documents(DocumentBlocks blocks, const Tokenizer& tokenizer, int num_threads,
                            const TakeIds& take) {
  const std::int32_t start_id = tokenizer.start_id();
  std::unique_ptr<LineEncoder> encoder_of_large;
  TextCounts counts;
  const auto next_job = [&]() -> std::optional<Job> {
    auto block = blocks.next();
    if (!block) return std::nullopt;
    Job job{std::move(*block), {}};
    if (job.block.document.size() > kLargeBytes) {
      if (!encoder_of_large) encoder_of_large = tokenizer.make_encoder();
      job.encoded = encode(std::exchange(job.block, {}), start_id, *encoder_of_large);
    }
    return job;
  };
  const auto make_worker = [&] {
    return [start_id, encoder = tokenizer.make_encoder()](Job& job) {
      return job.encoded ? std::move(*job.encoded) : encode(job.block, start_id, *encoder);
    };
  };
  OrderedWork<EncodedDocuments> work(num_threads);
  work.run(next_job, make_worker, [&](EncodedDocuments part) {
    auto& [ids, documents] = part.encoded;
    if (counts.lines == 0 && !ids.empty()) {  // nothing stands before the first document
      ids.erase(ids.begin());
      for (std::size_t& place : documents) --place;
    }
    add(counts, part.counts);
    take(part.encoded);
  });
  return counts;
}

}  // namespace longspan
