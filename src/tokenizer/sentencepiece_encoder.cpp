// Words come again and again, so a word's ids are worked out once. Two things of a line reach over
// its words. The library makes one unknown id of neighbours. And a unigram model's scores are added
// in float from the line's beginning, so that a word whose ways of being cut are nearly as likely
// is worked out anew behind each line's own sum.
#include "tokenizer/sentencepiece_encoder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "longspan/core/error.h"

namespace longspan {
namespace {

using PieceType = SentencePieceFacts::PieceType;

// Of what an encoder remembers: some 30 MB.
constexpr std::int32_t kMaxEntries = 1 << 18;
constexpr std::size_t kMaxPartBytes = 64;

// A second value of a field of a message replaces the first: of the normalizer (field 3), the dummy
// space (3) and the dropping of spaces (4).
constexpr std::string_view kNoSpaces("\x1A\x04\x18\x00\x20\x00", 6);

void check_status(const sentencepiece::util::Status& status) {
  check(status.ok(), ErrorKind::Data, "SentencePiece failed: ", status.ToString());
}

std::vector<std::int32_t> byte_ids_of(const SentencePieceFacts& facts) {
  std::vector<std::int32_t> ids;
  if (!facts.byte_fallback) return ids;
  ids.resize(256);
  for (std::size_t id = 0; id < facts.pieces.size(); ++id) {
    const auto& piece = facts.pieces[id];
    unsigned byte = 0;
    if (piece.type != PieceType::Byte || piece.text.size() != 6) continue;  // <0xAB>
    std::from_chars(piece.text.data() + 3, piece.text.data() + 5, byte, 16);
    ids[byte & 0xFF] = static_cast<std::int32_t>(id);
  }
  return ids;
}

// Returns up to which sum in front of a text its best way stays the best one. A way of n pieces has
// n roundings, each by half the distance between the floats at the largest sum.
float limit_of(double margin, std::size_t num_bytes, double largest_score) {
  if (margin == std::numeric_limits<double>::infinity()) return std::numeric_limits<float>::max();
  if (!(margin > 0)) return -1;
  const auto bytes = static_cast<double>(num_bytes);
  const double sum = std::ldexp(
      1.0, std::min(std::ilogb(margin / bytes), 60) + std::numeric_limits<float>::digits - 1);
  return static_cast<float>(sum - bytes * largest_score);
}

}  // namespace

SentencePieceParts::SentencePieceParts(const sentencepiece::SentencePieceProcessor& processor,
                                       std::string_view model)
    : whole(processor),
      facts(read_sentencepiece_facts(model, "the SentencePiece model")),
      words(facts),
      byte_ids(byte_ids_of(facts)) {
  if (words.obstacle().empty())
    check_status(bare.LoadFromSerializedProto(concat(model, kNoSpaces)));
}

SentencePieceEncoder::SentencePieceEncoder(const SentencePieceParts& parts)
    : parts_(parts),
      is_unigram_(parts.facts.kind == SentencePieceFacts::Kind::Unigram),
      unknown_id_(parts.whole.unk_id()) {
  if (is_unigram_) path_.emplace(parts.facts);
}

void SentencePieceEncoder::encode(std::string_view line, std::vector<std::int32_t>& ids) {
  line_begin_ = ids.size();
  magnitude_ = 0;
  sum_ = 0;
  pending_.clear();
  const bool cut = parts_.words.cut(line, scratch_,
                                    [&](std::string_view part) { return encode_part(part, ids); });
  if (cut) return;
  std::vector<int> whole;
  check_status(parts_.whole.Encode(line, &whole));
  ids.resize(line_begin_);
  ids.insert(ids.end(), whole.begin(), whole.end());
}

bool SentencePieceEncoder::encode_part(std::string_view part, std::vector<std::int32_t>& ids) {
  const std::int32_t number = table_.find(part);
  const std::size_t num_ids = ids_.size(), num_scores = scores_.size();
  const Entry entry = number < 0 ? learn(part) : entries_[static_cast<std::size_t>(number)];
  if (entry.odd) return false;
  if (is_unigram_ && magnitude_ > static_cast<double>(entry.limit)) {
    append_exactly(part, ids);
  } else {
    append(std::span(ids_).subspan(entry.first_id, entry.num_ids), ids);
    magnitude_ += static_cast<double>(entry.magnitude);
    if (is_unigram_) pending_.push_back(entry.scores);
  }
  if (number < 0 && part.size() > kMaxPartBytes) forget(num_ids, num_scores);
  return true;
}

SentencePieceEncoder::Entry SentencePieceEncoder::learn(std::string_view part) {
  if (table_.size() == kMaxEntries) {
    forget(0, 0);
    table_ = {};
    entries_.clear();
  }
  Entry entry;
  const std::optional<Encoded> encoded =
      parts_.words.is_odd(part) ? std::nullopt : encode_bare(part);
  entry.odd = !encoded || (is_unigram_ && !learn_scores(*encoded, entry));
  if (!entry.odd) {
    entry.first_id = static_cast<std::uint32_t>(ids_.size());
    entry.num_ids = static_cast<std::uint32_t>(encoded->ids.size());
    ids_.insert(ids_.end(), encoded->ids.begin(), encoded->ids.end());
  }
  if (part.size() <= kMaxPartBytes) {
    table_.insert(part);
    entries_.push_back(entry);
  }
  return entry;
}

// Returns nothing where the library fails: it may not, on the whole line.
std::optional<SentencePieceEncoder::Encoded> SentencePieceEncoder::encode_bare(
    std::string_view part) const {
  sentencepiece::ImmutableSentencePieceText pieces;
  if (!parts_.bare.Encode(part, pieces.mutable_proto()).ok()) return std::nullopt;
  Encoded encoded;
  for (const auto& piece : pieces.pieces()) {
    const auto id = static_cast<std::int32_t>(piece.id());
    encoded.ids.push_back(id);
    if (parts_.whole.IsByte(id)) {
      unsigned byte = 0;
      std::from_chars(piece.piece().data() + 3, piece.piece().data() + 5, byte, 16);
      encoded.text += static_cast<char>(byte);
    } else {
      encoded.text += piece.piece();
    }
  }
  return encoded;
}

// Returns false where the library does not take the way that is known here.
bool SentencePieceEncoder::learn_scores(const Encoded& encoded, Entry& entry) {
  const auto& steps = path_->find(encoded.text, 0);
  if (ids_of(steps, encoded.text) != encoded.ids) return false;
  entry.scores = {static_cast<std::uint32_t>(scores_.size()),
                  static_cast<std::uint32_t>(steps.size())};
  for (const UnigramPath::Step& step : steps) {
    scores_.push_back(step.score);
    entry.magnitude += static_cast<float>(std::abs(step.score));
  }
  entry.limit = limit_of(path_->margin(encoded.text), encoded.text.size(), path_->largest_score());
  return true;
}

void SentencePieceEncoder::append_exactly(std::string_view part, std::vector<std::int32_t>& ids) {
  const std::optional<Encoded> encoded = encode_bare(part);
  check(encoded.has_value(), ErrorKind::Internal, "a part that was encoded must be so again");
  add_pending();
  const auto& steps = path_->find(encoded->text, sum_);
  append(ids_of(steps, encoded->text), ids);
  for (const UnigramPath::Step& step : steps) {
    sum_ = UnigramPath::add(sum_, step.score);
    magnitude_ += std::abs(step.score);
  }
}

std::vector<std::int32_t> SentencePieceEncoder::ids_of(const std::vector<UnigramPath::Step>& steps,
                                                       std::string_view text) const {
  std::vector<std::int32_t> ids;
  for (const UnigramPath::Step& step : steps) {
    if (step.id != unknown_id_) {
      ids.push_back(step.id);
    } else if (parts_.facts.byte_fallback) {
      for (const char byte : text.substr(step.begin, step.end - step.begin))
        ids.push_back(parts_.byte_ids[static_cast<unsigned char>(byte)]);
    } else if (ids.empty() || ids.back() != unknown_id_) {
      ids.push_back(unknown_id_);
    }
  }
  return ids;
}

void SentencePieceEncoder::append(std::span<const std::int32_t> part_ids,
                                  std::vector<std::int32_t>& ids) const {
  const bool joins = ids.size() > line_begin_ && !part_ids.empty() &&
                     part_ids.front() == unknown_id_ && ids.back() == unknown_id_;
  ids.insert(ids.end(), part_ids.begin() + (joins ? 1 : 0), part_ids.end());
}

void SentencePieceEncoder::add_pending() {
  for (const Scores& scores : pending_)
    for (const double score : std::span(scores_).subspan(scores.first, scores.count))
      sum_ = UnigramPath::add(sum_, score);
  pending_.clear();
}

void SentencePieceEncoder::forget(std::size_t num_ids, std::size_t num_scores) {
  add_pending();
  ids_.resize(std::min(num_ids, ids_.size()));
  scores_.resize(std::min(num_scores, scores_.size()));
}

}  // namespace longspan
