// Learned absolute embeddings (as in GPT-2): a vector for each position up to a fixed number; past
// it there is none.

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "longspan/core/error.h"
#include "position/kinds.h"

namespace longspan {
namespace {

constexpr double kTableStd = 0.02;

class Learned final : public PositionMethod {
 public:
  Learned(std::int64_t num_positions, std::int64_t d_model)
      : table_PD_(at::empty({num_positions, d_model}, at::kFloat).zero_().requires_grad_()) {}

  at::Tensor embed(const at::Tensor& x_BTD, const Positions& positions) const override {
    check(positions.first + positions.count <= table_PD_.size(0), ErrorKind::Config,
          "learned positions end at ", table_PD_.size(0), ", got a sequence of ",
          positions.first + positions.count);
    return x_BTD + table_PD_.narrow(0, positions.first, positions.count);
  }

  std::optional<std::int64_t> max_positions() const override { return table_PD_.size(0); }
  std::vector<PositionParameter> parameters() const override {
    return {{"learned.weight", table_PD_, kTableStd, 0.0}};
  }

 private:
  at::Tensor table_PD_;
};

}  // namespace

void read(const config::Reader& reader, LearnedOptions& options) {
  options.max_positions =
      reader.integer("max_positions", {.low = 0, .high = 1 << 24}, options.max_positions);
  options.place = reader.place("max_positions");
}

MethodPointer make(const LearnedOptions& options, const PositionDimensions& dimensions) {
  const std::int64_t own = options.max_positions;
  check(own == 0 || own >= dimensions.seq_len, ErrorKind::Config, options.place,
        " must be at least data.seq_len (", dimensions.seq_len, "), got ", own);
  return std::make_unique<Learned>(own == 0 ? dimensions.seq_len : own, dimensions.d_model);
}

}  // namespace longspan
