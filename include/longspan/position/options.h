#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "longspan/kernels/rotation.h"

namespace longspan {

// The options of each kind, with its name in the config. A `place` is what errors about an option
// that does not fit the model call it.

//
// `interpolation` divides distances, at evaluation say, so that a sequence of that many trained
// lengths spans the distances that were trained.

enum class AlibiForm { Relative, Absolute };
/// Linear biases; the absolute form counts keys instead of distances.
struct AlibiOptions {
  static constexpr std::string_view kKind = "alibi";
  AlibiForm form = AlibiForm::Relative;
  double interpolation = 1.0;
  double max_bias = 8.0;     ///< the slopes of n heads are 2^(-max_bias h / n) (MPT)
  double score_scale = 0.0;  ///< multiplies products of queries and keys; 0: 1/sqrt(head_dim) (MPT)
};

struct AlibiLearnedOptions {
  static constexpr std::string_view kKind = "alibi_learned";
  double interpolation = 1.0;
};

struct SinusoidalOptions {
  static constexpr std::string_view kKind = "sinusoidal";
  std::string place = "position";
};

/// How frequencies change with `factor` F (d elements of a head are turned, L the trained length).
enum class InterpolationRule {
  Linear,  ///< all are divided by F: position interpolation (Chen et al., arXiv:2306.15595)
  Ntk,     ///< base becomes base * F^(d / (d - 2)) (NTK-aware, in YaRN's section 3.1)
  Yarn,    ///< those of few turns in L are divided, scores grow (Peng et al., arXiv:2309.00071)
  Llama3,  ///< those of few turns in L are divided, another blend (transformers' `llama3`)
};
/// A fixed change of rotary's frequencies. Which numbers a rule knows, and their names in the
/// config, stand with its formula in rotary_frequencies.cpp.
struct RotaryInterpolation {
  double factor = 1.0;
  InterpolationRule rule = InterpolationRule::Linear;
  std::int64_t original_length = 0;  ///< L; 0: the trained length
  double beta_fast = 32.0, beta_slow = 1.0;
  double attention_factor = 0.0;  ///< multiplies queries and keys; 0: 0.1 ln F + 1
  double low_freq_factor = 1.0, high_freq_factor = 4.0;
};

struct RotaryOptions {
  static constexpr std::string_view kKind = "rotary";
  double base = 10000.0;
  RotaryPairing pairing = RotaryPairing::Interleaved;
  double fraction = 1.0;            ///< of each head, from its front, that is turned
  std::int64_t first_position = 0;  ///< of a sequence's first token
  RotaryInterpolation interpolation = {};
  std::string place = "position";
};

enum class T5Start { DModel, Unit, Zero };
/// Buckets of distances. `start` is the deviation of the table's start: d_model^-1/2, 1 or 0.
struct T5Options {
  static constexpr std::string_view kKind = "t5";
  std::int64_t num_buckets = 32;
  std::int64_t max_distance = 128;  ///< > num_buckets / 2
  T5Start start = T5Start::DModel;
  bool shared = true;        ///< one table for all layers
  bool scale_scores = true;  ///< keeps attention's 1/sqrt(K)
  double interpolation = 1.0;
};

struct XPosOptions {
  static constexpr std::string_view kKind = "xpos";
  double scale_base = 512.0;
  std::string place = "position";
};

enum class KerpleKernel { Log, Power };
struct KerpleOptions {
  static constexpr std::string_view kKind = "kerple";
  KerpleKernel kernel = KerpleKernel::Log;
};

struct FireOptions {
  static constexpr std::string_view kKind = "fire";
  std::int64_t width = 32;
  double threshold = 512.0;
};

struct SandwichOptions {
  static constexpr std::string_view kKind = "sandwich";
  std::int64_t dim = 128;  ///< even
  std::int64_t first_frequency = 0;
};

struct LearnedOptions {
  static constexpr std::string_view kKind = "learned";
  std::int64_t max_positions = 0;  ///< 0: the trained length
  std::string place = "position.max_positions";
};

struct NoPositionOptions {
  static constexpr std::string_view kKind = "none";
};

/// The options of any kind. This is the table of kinds, in the order in which help names them.
using PositionOptions =
    std::variant<AlibiOptions, AlibiLearnedOptions, SinusoidalOptions, RotaryOptions, T5Options,
                 XPosOptions, KerpleOptions, FireOptions, SandwichOptions, LearnedOptions,
                 NoPositionOptions>;

}  // namespace longspan
