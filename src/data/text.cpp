// Where a text comes from.
#include "longspan/data/text.h"

#include "data/text_units.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

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
  return [files = files_to_read(config)](const std::function<void(std::string_view)>& emit) {
    read_lines(files, emit);
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
  return [files = files_to_read(config)](const std::function<void(std::string_view)>& emit) {
    read_documents(files, emit);
  };
}

}  // namespace longspan
