// Every architecture's table of tensors, over random small shapes: ours to theirs and back, and
// theirs to ours and back, are the same bits.

#include <map>
#include <random>
#include <set>

#include "interop/architecture.h"
#include "interop/fairseq_weights.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using interop::FairseqShape;
using interop::WeightDimensions;
using interop::WeightRow;

class MemorySource : public interop::WeightSource {
 public:
  explicit MemorySource(const NamedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) tensors_.emplace(name, tensor);
  }
  const std::string& place() const override { return place_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor take(const std::string& name, at::IntArrayRef sizes) override {
    INFO(name);
    REQUIRE(tensors_.contains(name));
    const at::Tensor tensor = tensors_.at(name);
    REQUIRE(tensor.sizes() == sizes);
    tensors_.erase(name);
    return tensor;
  }
  bool is_empty() const { return tensors_.empty(); }

 private:
  std::string place_ = "memory";
  std::map<std::string, at::Tensor> tensors_;
};

class Shapes {
 public:
  explicit Shapes(unsigned seed) : generator_(seed) {}

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(generator_);
  }
  WeightDimensions dimensions() {
    const std::int64_t num_kv_heads = between(1, 3), head_dim = between(1, 5);
    return {.num_layers = between(1, 3),
            .d_model = num_kv_heads * between(1, 3) * head_dim,
            .num_kv_heads = num_kv_heads,
            .q_dim = num_kv_heads * between(1, 3) * head_dim,
            .kv_dim = num_kv_heads * head_dim,
            .ffn_dim = between(1, 9),
            .vocab_size = between(2, 11),
            .bias = between(0, 1) == 1,
            .attention_bias = between(0, 1) == 1,
            .tie = between(0, 1) == 1,
            .final_norm = between(0, 1) == 1};
  }
  FairseqShape fairseq() {
    FairseqShape shape{.dimensions = dimensions(), .bands = {}};
    shape.dimensions.q_dim = shape.dimensions.kv_dim = shape.dimensions.d_model;
    const std::int64_t num_bands = between(0, 1) * between(2, 4);
    for (std::int64_t band = 0; band < num_bands; ++band)
      shape.bands.push_back({between(1, 6), between(1, 5)});
    return shape;
  }

 private:
  std::mt19937 generator_;
};

// One tensor for each name of ours, no two with one value.
NamedTensors random_ours(const std::vector<WeightRow>& rows) {
  NamedTensors ours;
  std::set<std::string> seen;
  for (const WeightRow& row : rows)
    for (std::size_t i = 0; i < row.ours.size(); ++i)
      if (seen.insert(row.ours[i]).second)
        ours.push_back({row.ours[i], testing::random_tensor(row.sizes[i], 1 + ours.size())});
  return ours;
}

void check_equal(const NamedTensors& got, const NamedTensors& wanted) {
  std::map<std::string, at::Tensor> by_name;
  for (const auto& [name, tensor] : got) CHECK(by_name.emplace(name, tensor).second);
  CHECK(by_name.size() == wanted.size());
  for (const auto& [name, tensor] : wanted) {
    INFO(name);
    REQUIRE(by_name.contains(name));
    CHECK(by_name.at(name).equal(tensor));
  }
}

void check_round_trips(const std::vector<WeightRow>& rows) {
  const NamedTensors ours = random_ours(rows);
  const NamedTensors theirs = interop::export_weights(rows, ours);
  MemorySource source(theirs);
  const NamedTensors again = interop::import_weights(rows, source);
  CHECK(source.is_empty());
  check_equal(again, ours);
  check_equal(interop::export_weights(rows, again), theirs);
}

TEST_CASE("weights of transformers' architectures go there and back") {
  for (const interop::Architecture* architecture : interop::kArchitectures)
    for (unsigned seed = 0; seed < 40; ++seed) {
      INFO(architecture->model_type << ", seed " << seed);
      check_round_trips(rows_of(architecture->weights, Shapes(seed).dimensions()));
    }
}

TEST_CASE("weights of fairseq's models go there and back") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    check_round_trips(interop::fairseq_rows(Shapes(seed).fairseq()));
  }
}

}  // namespace
}  // namespace longspan
