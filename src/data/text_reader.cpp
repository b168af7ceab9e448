// What a file is, its first bytes say: names are lost and changed on the way, and none of these
// bytes can begin a text in UTF-8.
#include "data/text_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "data/decoder.h"

namespace longspan {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kInputBytes = std::size_t{1} << 18;

bool begins_gzip(std::string_view beginning) { return beginning.starts_with("\x1F\x8B"sv); }

// A frame, or one to be skipped, with which pzstd begins.
bool begins_zstandard(std::string_view beginning) {
  if (beginning.starts_with("\x28\xB5\x2F\xFD"sv)) return true;
  return beginning.size() >= kMagicBytes && (beginning[0] & 0xF0) == 0x50 &&
         beginning.substr(1).starts_with("\x2A\x4D\x18"sv);
}

constexpr std::array kCompressions{
    Compression{"gzip", begins_gzip, make_gzip_decoder},
    Compression{"Zstandard", begins_zstandard, make_zstandard_decoder},
};

}  // namespace

struct TextReader::Compressed {
  Compressed(std::string_view a_name, std::unique_ptr<Decoder> a_decoder, std::string beginning)
      : name(a_name), decoder(std::move(a_decoder)), input(std::move(beginning)) {}

  std::string_view rest() const { return std::string_view(input).substr(taken); }

  std::string_view name;
  std::unique_ptr<Decoder> decoder;
  std::string input;      // of the file
  std::size_t taken = 0;  // of the input
};

TextReader::TextReader(std::string path)
    : path_(std::move(path)), file_(reading_text(path_, [&] { return FileReader(path_); })) {
  beginning_.resize(kMagicBytes);
  beginning_.resize(read_file(beginning_));
  for (const Compression& compression : kCompressions)
    if (compression.begins(beginning_))
      compressed_ = std::make_unique<Compressed>(compression.name, compression.make(),
                                                 std::exchange(beginning_, {}));
}

TextReader::~TextReader() = default;

std::string_view TextReader::compression() const { return compressed_ ? compressed_->name : ""; }

std::size_t TextReader::read(std::span<char> buffer) {
  if (compressed_) return read_decoded(buffer);
  const std::size_t head = std::min(beginning_.size(), buffer.size());
  std::memcpy(buffer.data(), beginning_.data(), head);
  beginning_.erase(0, head);
  return head + read_file(buffer.subspan(head));
}

std::size_t TextReader::read_file(std::span<char> buffer) {
  const std::size_t count = reading_text(path_, [&] { return file_.read(buffer); });
  file_bytes_ += static_cast<std::int64_t>(count);
  return count;
}

std::size_t TextReader::read_decoded(std::span<char> buffer) {
  std::size_t given = 0;
  while (given < buffer.size()) {
    const std::size_t before = compressed_->taken;
    const std::size_t count = decode(buffer.subspan(given));
    given += count;
    if (count == 0 && compressed_->taken == before && !refill()) break;
  }
  return given;
}

// Decodes what can be of the input that is there. @return the bytes given
std::size_t TextReader::decode(std::span<char> output) {
  Compressed& data = *compressed_;
  try {
    const Decoder::Step step = data.decoder->decode(data.rest(), output);
    data.taken += step.taken;
    return step.given;
  } catch (const Error& cause) {
    const auto unread = static_cast<std::int64_t>(data.rest().size());
    std::throw_with_nested(
        Error(ErrorKind::Data,
              concat(path_, ": ", data.name, " data must be whole, found between bytes ",
                     file_bytes_ - unread, " and ", file_bytes_, " of the file: ", cause.what())));
  }
}

// Reads more input behind what the decoder left. @return false at the file's end
bool TextReader::refill() {
  Compressed& data = *compressed_;
  data.input.erase(0, std::exchange(data.taken, 0));
  const std::size_t kept = data.input.size();
  data.input.resize(kept + kInputBytes);
  data.input.resize(kept + read_file({data.input.data() + kept, kInputBytes}));
  if (data.input.size() > kept) return true;
  check(data.decoder->is_complete(), ErrorKind::Data, path_, ": ", data.name,
        " data must be whole, it is cut short at byte ", file_bytes_);
  return false;
}

}  // namespace longspan
