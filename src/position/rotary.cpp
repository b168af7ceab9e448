// Rotary embeddings (RoFormer, arXiv:2104.09864): pairs of each query's and key's elements are
// turned by position * base^(-2j/K). `pairing` says which elements are a pair: neighbours
// (RoFormer, GPT-J, the paper's starting point) or halves (GPT-NeoX, LLaMA); `fraction` how much of
// each head, from its front, is turned (GPT-NeoX). The ALiBi paper names RoFormer_pytorch as its
// origin and states no more, so the defaults are that code's: interleaved, base 10000, first
// position 0. Scores see distances only, so another `first_position` changes rounding alone.

#include <ATen/TensorOperators.h>

#include <array>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/core/last_made.h"
#include "longspan/kernels/rotation.h"
#include "position/angle_table.h"
#include "position/kinds.h"
#include "position/rotary_frequencies.h"

namespace longspan {
namespace {

class Rotary final : public PositionMethod {
 public:
  Rotary(const RotaryOptions& options, const RotaryFrequencies& frequencies)
      : frequencies_(as_pairs(frequencies.values)),
        amplitude_(frequencies.amplitude),
        pairing_(options.pairing),
        first_position_(options.first_position) {}

  std::optional<Rotation> rotation(const Positions& positions,
                                   const at::TensorOptions& options) const override {
    const auto angles = angles_.get({positions, options}, [&] {
      auto table =
          angle_table({first_position_ + positions.first, positions.count}, frequencies_, options);
      if (amplitude_ != 1.0) {
        table.cos_TF.mul_(amplitude_);
        table.sin_TF.mul_(amplitude_);
      }
      return table;
    });
    return Rotation{angles, angles, pairing_};
  }

 private:
  std::vector<Frequency> frequencies_;  // one a pair; the elements past the pairs are not turned
  double amplitude_;
  RotaryPairing pairing_;
  std::int64_t first_position_;  // of a sequence's first token
  mutable LastMade<TableKey, RotaryAngles> angles_;
};

constexpr std::array kPairings{config::Choice{"interleaved", RotaryPairing::Interleaved},
                               config::Choice{"half_split", RotaryPairing::HalfSplit}};

}  // namespace

void read(const config::Reader& reader, RotaryOptions& options) {
  options.base = reader.number("base", {.high = 1e12, .above = 1.0}, options.base);
  options.pairing = config::choice(reader, "pairing", kPairings, options.pairing);
  options.fraction = reader.number("fraction", {.high = 1.0, .above = 0.0}, options.fraction);
  options.first_position =
      reader.integer("first_position", {.low = 0, .high = 1 << 16}, options.first_position);
  read(reader, options.interpolation);
  options.place = reader.place();
}

MethodPointer make(const RotaryOptions& options, const PositionDimensions& dimensions) {
  const auto rotary_dim =
      static_cast<std::int64_t>(options.fraction * static_cast<double>(dimensions.head_dim));
  check(rotary_dim > 0 && rotary_dim % 2 == 0, ErrorKind::Config, options.place,
        ": rotary positions need an even number of elements of each head to turn (fraction times "
        "model.head_dim), got ",
        rotary_dim, " of ", dimensions.head_dim);
  return std::make_unique<Rotary>(options,
                                  rotary_frequencies(options, rotary_dim / 2, dimensions.seq_len));
}

}  // namespace longspan
