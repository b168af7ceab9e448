// Text files as lines and documents. Checks come with the reading, so a text is only passed once.
#include "longspan/data/text.h"

#include <cstddef>
#include <optional>

#include "data/documents.h"
#include "data/lines.h"
#include "data/text_blocks.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

// Calls take, which returns the number of its lines, with each block of the files, checked to be
// UTF-8. @return the bytes of text
template <class Take>
std::int64_t read_blocks(const std::vector<std::string>& files, const Take& take) {
  TextBlocks blocks(files);
  std::int64_t lines = 0;  // of the file so far
  for (std::size_t file = 0; const std::optional<TextBlock> block = blocks.next();) {
    if (block->file != file) lines = 0;
    file = block->file;
    check_utf8(*block, lines);
    lines += take(*block);
  }
  return blocks.bytes_read();
}

// Calls take with each line of a block. @return their number
template <class Take>
std::int64_t take_lines(const TextBlock& block, const Take& take) {
  std::int64_t lines = 0;
  for_each_line(block.text, [&](std::string_view line) {
    ++lines;
    take(line);
  });
  return lines;
}

// As for a line of compressed text.
void check_document(const TextBlock& block, std::size_t bytes) {
  check(block.compression.empty() || bytes < TextBlocks::kMaxDecodedBytes, ErrorKind::Data,
        block.path, ": a document of ", block.compression, " data must have fewer than ",
        TextBlocks::kMaxDecodedBytes, " bytes, it has more; decompress the file");
}

SyntheticConfig read_synthetic_config(const config::Reader& reader) {
  SyntheticConfig config;
  config.seed = reader.integer("seed", {.low = 0}, config.seed);
  config.num_articles =
      reader.integer("num_articles", {.low = 1, .high = 1000000000}, config.num_articles);
  config.vocab_words =
      reader.integer("vocab_words", {.low = 100, .high = 1000000}, config.vocab_words);
  reader.finish();
  return config;
}

}  // namespace

TextConfig read_text_config(const config::Reader& reader, std::string_view key) {
  TextConfig config;
  config.synthetic = reader.shape(key) == "map";
  if (config.synthetic) {
    const config::Reader section = reader.section(key);
    check(section.has("synthetic"), ErrorKind::Config, reader.place(key),
          " must be a path, a list of paths or {synthetic: {...}}, got another map");
    config.synthetic_config = read_synthetic_config(section.section("synthetic"));
    section.finish();
    return config;
  }
  config.patterns = reader.paths(key);
  check(!config.patterns.empty(), ErrorKind::Config, reader.place(key),
        " must name at least one file, got none");
  return config;
}

LineSource open_text(const TextConfig& config) {
  if (config.synthetic) {
    return
        [synthetic = config.synthetic_config](const std::function<void(std::string_view)>& emit) {
          write_synthetic_text(synthetic, emit);
        };
  }
  return [files = text_files(config)](const std::function<void(std::string_view)>& emit) {
    read_blocks(files, [&](const TextBlock& block) { return take_lines(block, emit); });
  };
}

LineSource open_documents(const TextConfig& config) {
  if (config.synthetic) {
    return [lines = open_text(config)](const std::function<void(std::string_view)>& emit) {
      std::string document;
      lines([&](std::string_view line) { document.append(line) += '\n'; });
      emit(document);
    };
  }
  return [files = text_files(config)](const std::function<void(std::string_view)>& emit) {
    read_documents(files, emit);
  };
}

std::int64_t read_documents(const std::vector<std::string>& files,
                            const std::function<void(std::string_view)>& emit) {
  std::int64_t bytes = 0;
  for (const std::string& file : files) {
    std::string document;
    bool ends_in_break = false;
    bytes += read_blocks({file}, [&](const TextBlock& block) {
      check_document(block, document.size() + block.text.size());
      ends_in_break = block.text.ends_with('\n') || block.text.ends_with('\r');
      return take_lines(block, [&](std::string_view line) { document.append(line) += '\n'; });
    });
    if (document.empty()) continue;  // a byte order mark alone
    if (!ends_in_break) document.pop_back();
    emit(document);
  }
  return bytes;
}

}  // namespace longspan
