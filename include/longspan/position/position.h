#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/core/named_tensors.h"
#include "longspan/kernels/attention.h"
#include "longspan/kernels/rotation.h"
#include "longspan/position/options.h"

namespace longspan {

/// Consecutive positions first .. first+count-1, counted from 0 at the start of a sequence.
struct Positions {
  std::int64_t first = 0;
  std::int64_t count = 0;
  bool operator==(const Positions&) const = default;
};

/// The sizes of the model that a method fits itself to.
struct PositionDimensions {
  std::int64_t d_model = 0;
  std::int64_t num_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t seq_len = 0;     ///< trained length
  std::int64_t num_layers = 0;  ///< needed by methods with parameters of each layer
};

/// How a parameter of a method starts.
struct PositionParameter {
  std::string name;       ///< behind "position."
  at::Tensor tensor;      ///< leaf that requires a gradient
  double normal_std = 0;  ///< start: normal with this deviation around start_value
  double start_value = 0;
};

/// A position method. It acts through hooks, each by default that of a model without positions; the
/// model calls them all and never asks which method it is.
class PositionMethod {
 public:
  virtual ~PositionMethod() = default;

  /// Adds a position signal to the scaled embeddings. @param x_BTD at `positions`
  virtual at::Tensor embed(const at::Tensor& x_BTD, const Positions& positions) const;
  /// Returns how queries and keys at `positions` are turned, or nothing. The model asks once a pass
  /// and turns those of all layers by it. @param options of the queries
  virtual std::optional<Rotation> rotation(const Positions& positions,
                                           const at::TensorOptions& options) const;
  /// Returns what multiplies the products of queries and keys: by default 1/sqrt(head_dim).
  virtual double score_scale(std::int64_t head_dim) const;
  /// Returns the bias for sequences of up to num_keys keys.
  virtual ScoreBias score_bias(std::int64_t num_keys) const;
  /// Returns the biases of the layers from the first on, or the one that all share: by default
  /// score_bias's.
  virtual std::vector<ScoreBias> layer_biases(std::int64_t num_keys) const;
  /// Returns the number of positions it can tell apart; nothing when unlimited.
  virtual std::optional<std::int64_t> max_positions() const;
  /// Returns the trainable tensors, in a fixed order.
  virtual std::vector<PositionParameter> parameters() const;
};

/// Returns the names of all kinds.
std::vector<std::string> position_kinds();
/// Returns the options that a kind has when the config names no others. @param kind one of
/// position_kinds()
PositionOptions default_position_options(std::string_view kind);
/// Makes a method. @throws Error(Config) when options and model do not fit each other
std::unique_ptr<PositionMethod> make_position(const PositionOptions& options,
                                              const PositionDimensions& dimensions);

/// What the config says of the position method.
struct PositionConfig {
  std::string kind;
  PositionOptions options;
  /// A query sees this many keys at most, the last ones up to its own; 0: all before it.
  std::int64_t window = 0;
  /// Makes the method, as make_position does, within its window.
  std::unique_ptr<PositionMethod> make(const PositionDimensions& dimensions) const;
};
/// Reads the position section. @throws Error(Config)
PositionConfig read_position_config(const config::Reader& reader);

}  // namespace longspan
