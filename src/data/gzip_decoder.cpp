// gzip by zlib, which checks length and CRC-32 of each member. Members may follow each other, and
// zeros may fill the end, as gzip and Python's gzip take them.
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "data/decoder.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr int kGzipOnly = 16;  // added to the bits of the window

unsigned limited(std::size_t size) {
  return static_cast<unsigned>(std::min<std::size_t>(size, std::numeric_limits<unsigned>::max()));
}

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() {
    if (::inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { ::inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  Step decode(std::string_view input, std::span<char> output) override {
    if (is_between_members_) {
      const std::size_t zeros =
          num_members_ == 0 ? 0 : std::min(input.find_first_not_of('\0'), input.size());
      if (zeros > 0 || input.empty()) return {zeros, 0};
      check(input.front() == '\x1F', ErrorKind::Data, "something else than zeros behind its end");
      is_between_members_ = false;
    }
    return inflate(input, output);
  }

  bool is_complete() const override { return is_between_members_ && num_members_ > 0; }

 private:
  Step inflate(std::string_view input, std::span<char> output) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = limited(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = limited(output.size());
    const Step most{stream_.avail_in, stream_.avail_out};
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    check(result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END, ErrorKind::Data,
          stream_.msg != nullptr ? stream_.msg : "what zlib cannot read");
    if (result == Z_STREAM_END) {
      is_between_members_ = true;
      ++num_members_;
      const Step step{most.taken - stream_.avail_in, most.given - stream_.avail_out};
      ::inflateReset(&stream_);
      return step;
    }
    return {most.taken - stream_.avail_in, most.given - stream_.avail_out};
  }

  z_stream stream_{};
  bool is_between_members_ = true;
  std::size_t num_members_ = 0;
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder() { return std::make_unique<GzipDecoder>(); }

}  // namespace longspan
