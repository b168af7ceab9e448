// Zstandard by libzstd, which checks the content of a frame where the frame has a checksum. Frames
// may follow each other, skippable ones between them. A window may have 128 MiB, as for unzstd.
#include <zstd.h>
#include <zstd_errors.h>

#include <new>

#include "data/decoder.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

class ZstandardDecoder final : public Decoder {
 public:
  ZstandardDecoder() : context_(::ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
  }
  ~ZstandardDecoder() override { ::ZSTD_freeDCtx(context_); }
  ZstandardDecoder(const ZstandardDecoder&) = delete;
  ZstandardDecoder& operator=(const ZstandardDecoder&) = delete;

  Step decode(std::string_view input, std::span<char> output) override {
    if (input.empty() && is_complete_) return {};  // to the library a frame would have begun
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const std::size_t result = ::ZSTD_decompressStream(context_, &out, &in);
    if (::ZSTD_isError(result) != 0) refuse(result);
    is_complete_ = result == 0;
    return {in.pos, out.pos};
  }

  bool is_complete() const override { return is_complete_; }

 private:
  [[noreturn]] static void refuse(std::size_t result) {
    const ZSTD_ErrorCode code = ::ZSTD_getErrorCode(result);
    if (code == ZSTD_error_memory_allocation) throw std::bad_alloc();
    check(code != ZSTD_error_frameParameter_windowTooLarge, ErrorKind::Data,
          "a window above 128 MiB; decompress it with unzstd --long=31");
    throw Error(ErrorKind::Data, ::ZSTD_getErrorName(result));
  }

  ZSTD_DCtx* context_;
  bool is_complete_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_zstandard_decoder() { return std::make_unique<ZstandardDecoder>(); }

}  // namespace longspan
