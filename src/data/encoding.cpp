// Text to ids. The lines of files are encoded by several threads, a block of lines each at a time.
#include "data/encoding.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <string_view>

#include "data/block_work.h"
#include "data/document_encoding.h"
#include "data/lines.h"
#include "data/text_units.h"
#include "longspan/core/error.h"
#include "longspan/core/progress.h"
#include "longspan/tokenizer/words.h"

namespace longspan {
namespace {

using TakeIds = std::function<void(const std::vector<std::int32_t>&)>;

struct EncodedBlock {
  std::vector<std::int32_t> ids;
  std::int64_t lines = 0, words = 0, bytes = 0, unknown = 0;
};

EncodedBlock encode_block(const TextBlock& block, LineEncoder& encoder) {
  EncodedBlock encoded;
  encoded.ids.reserve(block.text.size() / 3);
  for_each_line(block.text, [&](std::string_view line) {
    encoded.unknown += encoder.encode(line, encoded.ids);
    ++encoded.lines;
  });
  encoded.words = count_words(block.text);  // a line break is between two
  encoded.bytes = block.bytes;
  return encoded;
}

TextCounts encode_files(TextBlocks blocks, const Tokenizer& tokenizer, int num_threads,
                        const TakeIds& take) {
  TextCounts counts;
  work_on_blocks<EncodedBlock>(
      blocks, num_threads,
      [&] {
        return [encoder = tokenizer.make_encoder()](const TextBlock& block) {
          return encode_block(block, *encoder);
        };
      },
      [&](const EncodedBlock& encoded) {
        counts.lines += encoded.lines;
        counts.words += encoded.words;
        counts.bytes += encoded.bytes;
        counts.unknown += encoded.unknown;
        take(encoded.ids);
      });
  return counts;
}

TextCounts encode_synthetic_document(const TextConfig& config, const Tokenizer& tokenizer,
                                     const TakeIds& take) {
  TextCounts counts;
  open_documents(config)([&](std::string_view document) {
    std::vector<std::int32_t> ids;
    counts.unknown = tokenizer.encode_line(document, ids);
    counts.lines = count_lines(document);
    counts.words = count_words(document);
    counts.bytes = static_cast<std::int64_t>(document.size());
    take(ids);
  });
  return counts;
}

TextCounts encode_synthetic_lines(const TextConfig& config, const Tokenizer& tokenizer,
                                  const TakeIds& take) {
  const std::unique_ptr<LineEncoder> encoder = tokenizer.make_encoder();
  std::vector<std::int32_t> ids;
  TextCounts counts;
  open_text(config)([&](std::string_view line) {
    ids.clear();
    counts.unknown += encoder->encode(line, ids);
    ++counts.lines;
    counts.words += count_words(line);
    counts.bytes += static_cast<std::int64_t>(line.size()) + 1;
    take(ids);
  });
  return counts;
}

}  // namespace

TextCounts encode_units(const std::string& name, const TextConfig& config,
                        const Tokenizer& tokenizer, int num_threads, const TakeIds& take) {
  const bool documents = tokenizer.reads_documents();
  if (config.synthetic)
    return documents ? encode_synthetic_document(config, tokenizer, take)
                     : encode_synthetic_lines(config, tokenizer, take);
  TextFiles files = files_to_read(config);
  ByteProgress progress(concat("encode ", name), bytes_of(files.paths));
  if (documents)
    return encode_documents(DocumentBlocks(std::move(files), &progress), tokenizer, num_threads,
                            take);
  return encode_files(TextBlocks(std::move(files), &progress), tokenizer, num_threads, take);
}

namespace {

struct ReadBlock {
  std::int64_t lines = 0;
};

void spread_lines(TextBlocks blocks, int num_threads, const std::function<TakeLine()>& make_taker) {
  std::mutex making;
  work_on_blocks<ReadBlock>(
      blocks, num_threads,
      [&] {
        const std::lock_guard lock(making);
        return [take = make_taker()](const TextBlock& block) {
          ReadBlock read;
          for_each_line(block.text, [&](std::string_view line) {
            take(line);
            ++read.lines;
          });
          return read;
        };
      },
      [](const ReadBlock&) {});
}

}  // namespace

TrainingText training_text(const std::string& name, const TextConfig& config, int num_threads) {
  if (config.synthetic) return TrainingText(open_text(config));
  const TextFiles files = files_to_read(config);
  const std::string what = concat("read ", name, " for the tokenizer");
  TrainingText text([files, what](const TakeLine& take) {
    ByteProgress progress(what, bytes_of(files.paths));
    read_lines(files, take, &progress);
  });
  text.spread = [files, what, num_threads](const std::function<TakeLine()>& make_taker) {
    ByteProgress progress(what, bytes_of(files.paths));
    spread_lines(TextBlocks(files, &progress), num_threads, make_taker);
  };
  return text;
}

}  // namespace longspan
