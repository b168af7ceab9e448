// Where the elements of packed tensors go, and what stands for a tensor that is missing.

#include <map>

#include "interop/weight_table.h"
#include "longspan/core/error.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using interop::Packing;
using interop::Stored;
using interop::WeightRow;
using interop::When;

class MapSource : public interop::WeightSource {
 public:
  explicit MapSource(std::map<std::string, at::Tensor> tensors) : tensors_(std::move(tensors)) {}
  const std::string& place() const override { return place_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor take(const std::string& name, at::IntArrayRef) override {
    check(has(name), ErrorKind::Data, "no ", name);
    return tensors_.at(name);
  }

 private:
  std::string place_ = "map";
  std::map<std::string, at::Tensor> tensors_;
};

// 2 key-value heads of 2 elements, each for 2 queries: 8 rows of q, 4 of k, 4 of v.
WeightRow packed_row(Packing packing) {
  return {.theirs = "qkv",
          .ours = {"q", "k", "v"},
          .sizes = {{8}, {4}, {4}},
          .packing = packing,
          .num_kv_heads = 2};
}

std::vector<float> values(const at::Tensor& tensor) {
  const float* begin = tensor.const_data_ptr<float>();
  return {begin, begin + tensor.numel()};
}

TEST_CASE("weights: blocks are q, k, v") {
  const auto parts = unpack(packed_row(Packing::Blocks), at::arange(16, at::kFloat));
  CHECK(values(parts[0]) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(values(parts[1]) == std::vector<float>{8, 9, 10, 11});
  CHECK(values(parts[2]) == std::vector<float>{12, 13, 14, 15});
}

TEST_CASE("weights: heads are two queries, a key and a value for each key-value head") {
  const auto parts = unpack(packed_row(Packing::Heads), at::arange(16, at::kFloat));
  CHECK(values(parts[0]) == std::vector<float>{0, 1, 2, 3, 8, 9, 10, 11});
  CHECK(values(parts[1]) == std::vector<float>{4, 5, 12, 13});
  CHECK(values(parts[2]) == std::vector<float>{6, 7, 14, 15});
}

TEST_CASE("weights: parts have memory of their own") {
  for (const Packing packing : {Packing::Blocks, Packing::Heads})
    for (const at::Tensor& part : unpack(packed_row(packing), at::arange(16, at::kFloat)))
      CHECK(part.storage().nbytes() == part.nbytes());
}

std::vector<WeightRow> tied_rows(Stored copy) {
  return {{.theirs = "in", .ours = {"embed"}, .sizes = {{2}}},
          {.theirs = "out", .ours = {"embed"}, .sizes = {{2}}, .stored = copy}};
}

std::string import_failure(const std::vector<WeightRow>& rows, MapSource source) {
  try {
    import_weights(rows, source);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    return error.what();
  }
  return {};
}

TEST_CASE("weights: copies must be equal, and may be missing where the table says so") {
  const at::Tensor one = at::arange(2, at::kFloat);
  MapSource both({{"in", one}, {"out", one.clone()}});
  const NamedTensors result = import_weights(tied_rows(Stored::Always), both);
  REQUIRE(result.size() == 1);
  CHECK(result[0].name == "embed");
  CHECK(import_failure(tied_rows(Stored::Always), MapSource({{"in", one}, {"out", one + 1}})) ==
        "map: out must equal the tensor that it is tied to (embed), it differs");
  CHECK(import_failure(tied_rows(Stored::Always), MapSource({{"in", one}})) == "no out");
  CHECK(import_failure(tied_rows(Stored::Optional), MapSource({{"in", one}})).empty());
  CHECK(import_failure(tied_rows(Stored::Spare), MapSource({{"in", one}})).empty());
  CHECK(import_failure(tied_rows(Stored::Optional), MapSource({{"out", one}})) == "no in");
}

TEST_CASE("weights: an older name is read, and not written") {
  const std::vector<WeightRow> rows = {
      {.theirs = "old", .ours = {"x"}, .sizes = {{2}}, .stored = Stored::Spare},
      {.theirs = "new", .ours = {"x"}, .sizes = {{2}}, .stored = Stored::Optional}};
  MapSource old({{"old", at::ones({2})}});
  const NamedTensors ours = import_weights(rows, old);
  REQUIRE(ours.size() == 1);
  const NamedTensors theirs = export_weights(rows, ours);
  REQUIRE(theirs.size() == 1);
  CHECK(theirs[0].name == "new");
  CHECK(import_failure(rows, MapSource({})) == "no new");
}

TEST_CASE("weights: a table is written out layer by layer") {
  constexpr interop::WeightPattern kTable[] = {
      {"l.*.#_proj", "layers.*.#", "PD"},
      {"l.*.b", "layers.*.b", "F", When::Bias},
      {"l.*.norm", "layers.*.norm", "D"},
      {"head", "head", "VD", When::Untied},
  };
  const auto rows = rows_of(kTable, {.num_layers = 2,
                                     .d_model = 6,
                                     .num_kv_heads = 1,
                                     .q_dim = 6,
                                     .kv_dim = 3,
                                     .ffn_dim = 5,
                                     .vocab_size = 7});
  std::string text;
  for (const WeightRow& row : rows)
    text += row.theirs + "=" + row.ours.at(0) + concat(at::IntArrayRef(row.sizes.at(0))) + " ";
  CHECK(text ==
        "l.0.q_proj=layers.0.q[6, 6] l.0.k_proj=layers.0.k[3, 6] l.0.v_proj=layers.0.v[3, 6] "
        "l.0.norm=layers.0.norm[6] l.1.q_proj=layers.1.q[6, 6] l.1.k_proj=layers.1.k[3, 6] "
        "l.1.v_proj=layers.1.v[3, 6] l.1.norm=layers.1.norm[6] head=head[7, 6] ");
}

}  // namespace
}  // namespace longspan
