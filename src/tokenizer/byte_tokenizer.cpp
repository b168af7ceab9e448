// Bytes as ids. The line break is byte 10, whatever the file used.
#include <memory>

#include "longspan/core/hash.h"
#include "tokenizer/kinds.h"

namespace longspan {
namespace {

constexpr std::int32_t kLineBreak = 10;

class ByteTokenizer final : public Tokenizer {
 public:
  std::string kind() const override { return "bytes"; }
  std::int64_t vocab_size() const override { return 256; }

  std::int64_t encode_line(std::string_view line, std::vector<std::int32_t>& ids) const override {
    for (const char byte : line) ids.push_back(static_cast<unsigned char>(byte));
    ids.push_back(kLineBreak);
    return 0;
  }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) {
      check_token_id(*this, id);
      text.push_back(static_cast<char>(static_cast<unsigned char>(id)));
    }
    return text;
  }

  std::int32_t start_id() const override { return kLineBreak; }
  bool ends_line(std::int32_t id) const override { return id == kLineBreak; }
  void save(const std::filesystem::path& folder) const override {
    save_description(*this, folder, Json::object());
  }
  std::string fingerprint() const override { return hash_of("bytes\n"); }
};

void read(const config::Reader&, TokenizerConfig&) {}

void describe(const TokenizerConfig&, Json&) {}

std::unique_ptr<Tokenizer> build(const TokenizerConfig&, const TrainingText&) {
  return std::make_unique<ByteTokenizer>();
}

std::unique_ptr<Tokenizer> load(const std::filesystem::path&, const Json&) {
  return std::make_unique<ByteTokenizer>();
}

}  // namespace

const TokenizerEntry& byte_tokenizer_entry() {
  static const TokenizerEntry kEntry{"bytes", TokenizerKind::Bytes, {}, read, describe, build,
                                     load};
  return kEntry;
}

}  // namespace longspan
