// What encodes lines where a tokenizer has nothing to remember.
#include <memory>

#include "longspan/tokenizer/tokenizer.h"

namespace longspan {
namespace {

class PlainEncoder final : public LineEncoder {
 public:
  explicit PlainEncoder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  std::int64_t encode(std::string_view line, std::vector<std::int32_t>& ids) override {
    return tokenizer_.encode_line(line, ids);
  }

 private:
  const Tokenizer& tokenizer_;
};

}  // namespace

std::unique_ptr<LineEncoder> Tokenizer::make_encoder() const {
  return std::make_unique<PlainEncoder>(*this);
}

}  // namespace longspan
