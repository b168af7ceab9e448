// Text to ids. The lines of files are encoded by several threads, a block of lines each at a time.
#include "data/encoding.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "data/block_work.h"
#include "data/document_encoding.h"
#include "data/lines.h"
#include "data/text_units.h"
#include "longspan/core/error.h"
#include "longspan/core/progress.h"
#include "longspan/tokenizer/words.h"

namespace longspan {
namespace {

struct EncodedBlock {
  std::size_t file = 0;
  EncodedIds encoded = {};
  std::int64_t lines = 0, words = 0, bytes = 0, unknown = 0;
};

EncodedBlock encode_block(const TextBlock& block, LineEncoder& encoder) {
  EncodedBlock result{block.file};
  std::vector<std::int32_t>& ids = result.encoded.ids;
  ids.reserve(block.text.size() / 3);
  auto record = block.records.begin();
  for_each_line(block.text, [&](std::string_view line) {
    const auto place = static_cast<std::size_t>(line.data() - block.text.data());
    if (record != block.records.end() && place >= *record) {
      result.encoded.documents.push_back(ids.size());
      while (record != block.records.end() && place >= *record) ++record;
    }
    result.unknown += encoder.encode(line, ids);
    ++result.lines;
  });
  result.words = count_words(block.text);  // a line break is between two
  result.bytes = block.bytes;
  return result;
}

TextCounts encode_files(TextBlocks blocks, const Tokenizer& tokenizer, int num_threads,
                        const TakeIds& take) {
  TextCounts counts;
  std::optional<std::size_t> file;
  work_on_blocks<EncodedBlock>(
      blocks, num_threads,
      [&] {
        return [encoder = tokenizer.make_encoder()](const TextBlock& block) {
          return encode_block(block, *encoder);
        };
      },
      [&](EncodedBlock block) {
        counts.lines += block.lines;
        counts.words += block.words;
        counts.bytes += block.bytes;
        counts.unknown += block.unknown;
        auto& documents = block.encoded.documents;
        const bool begins_file = std::exchange(file, block.file) != block.file;
        if (begins_file && (documents.empty() || documents.front() != 0))
          documents.insert(documents.begin(), 0);
        take(block.encoded);
      });
  return counts;
}

TextCounts encode_synthetic_document(const TextConfig& config, const Tokenizer& tokenizer,
                                     const TakeIds& take) {
  TextCounts counts;
  open_documents(config)([&](std::string_view document) {
    EncodedIds encoded{{}, {0}};
    counts.unknown = tokenizer.encode_line(document, encoded.ids);
    counts.lines = count_lines(document);
    counts.words = count_words(document);
    counts.bytes = static_cast<std::int64_t>(document.size());
    take(encoded);
  });
  return counts;
}

TextCounts encode_synthetic_lines(const TextConfig& config, const Tokenizer& tokenizer,
                                  const TakeIds& take) {
  const std::unique_ptr<LineEncoder> encoder = tokenizer.make_encoder();
  EncodedIds encoded{{}, {0}};  // one document, as open_documents() has it
  TextCounts counts;
  open_text(config)([&](std::string_view line) {
    encoded.ids.clear();
    counts.unknown += encoder->encode(line, encoded.ids);
    ++counts.lines;
    counts.words += count_words(line);
    counts.bytes += static_cast<std::int64_t>(line.size()) + 1;
    take(encoded);
    encoded.documents.clear();
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
