// Ids written out: the text of a model whose tokenizer is not here. A line is decimal ids between
// blanks; nothing is added to it.
#include <charconv>
#include <limits>
#include <memory>

#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/json_reader.h"
#include "longspan/tokenizer/words.h"
#include "tokenizer/kinds.h"

namespace longspan {
namespace {

constexpr std::size_t kShownBytes = 40;

class IdTokenizer final : public Tokenizer {
 public:
  explicit IdTokenizer(std::int64_t vocab_size) : vocab_size_(vocab_size) {}

  std::string kind() const override { return "ids"; }
  std::int64_t vocab_size() const override { return vocab_size_; }

  std::int64_t encode_line(std::string_view line, std::vector<std::int32_t>& ids) const override {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
      ids.push_back(parse(word));
    return 0;
  }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) {
      check_token_id(*this, id);
      if (!text.empty()) text += ' ';
      text += std::to_string(id);
    }
    return text;
  }

  std::int32_t start_id() const override { return 0; }
  bool ends_line(std::int32_t) const override { return false; }
  void save(const std::filesystem::path& folder) const override {
    save_description(*this, folder, Json::object());
  }
  std::string fingerprint() const override { return hash_of(concat("ids ", vocab_size_, "\n")); }

 private:
  std::int32_t parse(std::string_view word) const {
    std::int32_t id = -1;
    const char* const end = word.data() + word.size();
    const auto [stop, problem] = std::from_chars(word.data(), end, id);
    check(problem == std::errc{} && stop == end && id >= 0 && id < vocab_size_, ErrorKind::Data,
          "a text for the tokenizer kind ids must be decimal ids in 0 .. ", vocab_size_ - 1,
          " between blanks, got '", word.substr(0, kShownBytes), "'");
    return id;
  }

  std::int64_t vocab_size_;
};

constexpr config::IntegerRange kSizes{.low = 1, .high = std::numeric_limits<std::int32_t>::max()};

void read(const config::Reader& reader, TokenizerConfig& config) {
  config.vocab_size = reader.integer("vocab_size", kSizes);
}

void describe(const TokenizerConfig& config, Json& description) {
  description["vocab_size"] = config.vocab_size;
}

std::unique_ptr<Tokenizer> build(const TokenizerConfig& config, const TrainingText&) {
  return std::make_unique<IdTokenizer>(config.vocab_size);
}

std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const Json& description) {
  const JsonReader reader(description, (folder / kTokenizerFile).string());
  return std::make_unique<IdTokenizer>(
      reader.integer("vocab_size", {.low = kSizes.low, .high = kSizes.high}));
}

}  // namespace

const TokenizerEntry& id_tokenizer_entry() {
  static const TokenizerEntry kEntry{
      "ids", TokenizerKind::Ids, {"vocab_size"}, read, describe, build, load};
  return kEntry;
}

}  // namespace longspan
