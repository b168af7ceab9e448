// A stream is a source of ids and the check that a read is inside it.
#include "data/token_source.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

class IdsInMemory final : public TokenSource {
 public:
  explicit IdsInMemory(std::vector<std::int32_t> ids) : ids_(std::move(ids)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(ids_.size()); }
  void copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const override {
    std::copy_n(ids_.begin() + begin, count, out);
  }
  std::vector<TokenPlace> places(std::int64_t, std::int64_t) const override { return {}; }

 private:
  std::vector<std::int32_t> ids_;
};

}  // namespace

TokenStream::TokenStream(std::shared_ptr<const TokenSource> source) : source_(std::move(source)) {}

TokenStream TokenStream::from_ids(std::vector<std::int32_t> ids) {
  return TokenStream(std::make_shared<const IdsInMemory>(std::move(ids)));
}

std::int64_t TokenStream::size() const { return source_->size(); }

void TokenStream::check_inside(std::int64_t begin, std::int64_t count) const {
  check(begin >= 0 && count >= 0 && count <= size() - begin, ErrorKind::Internal, "tokens ", begin,
        " .. ", begin + count, " must be inside a stream of ", size());
}

void TokenStream::copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const {
  check_inside(begin, count);
  source_->copy(begin, count, out);
}

std::vector<TokenPlace> TokenStream::places(std::int64_t begin, std::int64_t count) const {
  check_inside(begin, count);
  return source_->places(begin, count);
}

}  // namespace longspan
