// Protocol buffers as SentencePiece's models are: groups, which it never used, are refused.
#include "tokenizer/message_fields.h"

#include <cstring>

#include "longspan/core/error.h"

namespace longspan {

bool MessageFields::next() {
  if (rest_.empty()) return false;
  const std::uint64_t tag = varint();
  demand(tag <= 0xffffffff && tag >> 3 != 0);
  number_ = tag >> 3;
  content_ = {};
  integer_ = 0;
  real_ = 0;
  switch (tag & 7) {
    case 0:
      integer_ = varint();
      break;
    case 1:
      take(8);
      break;
    case 2:
      content_ = take(varint());
      break;
    case 5:
      std::memcpy(&real_, take(sizeof real_).data(), sizeof real_);
      break;
    default:
      demand(false);
  }
  return true;
}

void MessageFields::demand(bool ok) const {
  check(ok, ErrorKind::Data, source_,
        ": must be a SentencePiece model, got: a malformed protocol buffer");
}

std::string_view MessageFields::take(std::uint64_t size) {
  demand(size <= rest_.size());
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(taken.size());
  return taken;
}

std::uint64_t MessageFields::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  demand(false);
  unreachable();
}

}  // namespace longspan
