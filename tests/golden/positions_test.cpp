// The tables, buckets and angles of position methods, of whatever widths a recording holds.

#include <charconv>
#include <cmath>
#include <numbers>
#include <set>

#include "golden/recording.h"
#include "longspan/checkpoint/safetensors.h"
#include "support/rotations.h"
#include "support/temporary_folder.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using Tensors = std::map<std::string, at::Tensor>;

constexpr std::int64_t kFirstRow = 2;  // of position 0: before it lie the padding's rows

// The table that a method adds, read off by embedding zeros.
at::Tensor sinusoidal_rows(std::int64_t d_model, std::int64_t first_row, std::int64_t count) {
  const auto method = make_position(SinusoidalOptions{}, {d_model, 1, d_model, 8});
  return method->embed(at::zeros({1, count, d_model}), {first_row - kFirstRow, count})[0];
}

// Compares what it knows of a recording.
class PositionsCheck {
 public:
  explicit PositionsCheck(const Tensors& tensors) : tensors_(tensors) {
    for (const auto& [name, tensor] : tensors_) {
      const auto width = width_of(name);
      if (!width) continue;
      if (name.ends_with(".rows"))
        compare_rows(name, *width);
      else
        compare(name, sinusoidal_rows(*width, kFirstRow, tensor.size(0) - kFirstRow),
                tensor.slice(0, kFirstRow), 1e-5);
    }
    if (tensors_.contains("t5.bucket_of_distance")) compare_buckets();
    if (tensors_.contains("rotary.neox.cos")) compare_rotary();
  }

  const std::set<std::string>& read() const { return read_; }
  const std::vector<std::string>& differences() const { return differences_; }

 private:
  // "sinusoidal.d64" and "sinusoidal.d64.rows" give 64.
  static std::optional<std::int64_t> width_of(const std::string& name) {
    constexpr std::string_view kPrefix = "sinusoidal.d";
    if (!name.starts_with(kPrefix)) return std::nullopt;
    std::int64_t width = 0;
    const char* const end = name.data() + name.size();
    const auto [rest, failure] = std::from_chars(name.data() + kPrefix.size(), end, width);
    const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
    if (failure != std::errc() || (!suffix.empty() && suffix != ".rows")) return std::nullopt;
    return width;
  }

  void compare(const std::string& name, const at::Tensor& ours, const at::Tensor& recorded,
               double limit) {
    read_.insert(name);
    const std::string text = difference(ours, recorded, limit);
    if (!text.empty()) differences_.push_back(name + ": " + text);
  }

  void compare_rows(const std::string& name, std::int64_t width) {
    const at::Tensor& rows = tensors_.at("sinusoidal.rows");
    read_.insert("sinusoidal.rows");
    for (std::int64_t i = 0; i < rows.numel(); ++i) {
      const auto row = rows[i].item<std::int64_t>();
      if (row < kFirstRow) continue;
      compare(name, sinusoidal_rows(width, row, 1)[0], tensors_.at(name)[i],
              row <= 130 ? 1e-5 : 2e-3);
    }
  }

  void compare_buckets() {
    const at::Tensor& bucket_N = tensors_.at("t5.bucket_of_distance");
    const auto t5 = make_position(T5Options{}, {64, 1, 64, 8});
    const auto table = t5->parameters().front().tensor;  // [buckets, heads]
    {
      const at::NoGradGuard no_gradient;
      table.copy_(at::arange(table.size(0)).unsqueeze(1));
    }
    const auto bias_HN = std::get<DistanceBias>(t5->score_bias(bucket_N.numel())).bias_HN;
    compare("t5.bucket_of_distance", bias_HN[0].slice(0, 0, bucket_N.numel()), bucket_N, 0.0);
  }

  // A pair (1, 0) is turned into (cos, sin).
  void compare_rotary() {
    const at::Tensor &cos_TK = tensors_.at("rotary.neox.cos"),
                     &sin_TK = tensors_.at("rotary.neox.sin");
    const std::int64_t T = cos_TK.size(0), K = cos_TK.size(1);
    const auto rotary =
        make_position(RotaryOptions{.pairing = RotaryPairing::HalfSplit}, {K, 1, K, 8});
    auto x = at::zeros({1, T, 1, K});
    x.narrow(-1, 0, K / 2).fill_(1.0);
    const auto turned = testing::rotated(*rotary, {x, x}, {0, T}).q_BTHK[0].squeeze(1);
    compare("rotary.neox.cos", turned.narrow(1, 0, K / 2), cos_TK.narrow(1, 0, K / 2), 1e-6);
    compare("rotary.neox.sin", turned.narrow(1, K / 2, K / 2), sin_TK.narrow(1, 0, K / 2), 1e-6);
  }

  const Tensors& tensors_;
  std::set<std::string> read_;
  std::vector<std::string> differences_;
};

TEST_CASE("golden: positions") {
  for (const auto& recording : testing::recordings_of("positions")) {
    const auto tensors = recording.tensors();
    const PositionsCheck check(tensors);
    INFO(recording.folder << " must hold a table, buckets or angles of a position method");
    REQUIRE_FALSE(check.read().empty());
    CHECK(check.differences() == std::vector<std::string>{});
    for (const auto& [name, tensor] : tensors)
      if (!check.read().contains(name))
        WARN(recording.folder << " has a tensor not read: " << name);
  }
}

// fairseq's table: sines, then cosines, of rows counted from the first position.
double sinusoidal(std::int64_t position, std::int64_t column, std::int64_t width) {
  const std::int64_t half = width / 2;
  const double frequency =
      std::pow(10000.0, -static_cast<double>(column % half) / static_cast<double>(half - 1));
  const double angle = static_cast<double>(position) * frequency;
  return column < half ? std::sin(angle) : std::cos(angle);
}

at::Tensor sinusoidal_table(const std::vector<std::int64_t>& rows, std::int64_t width) {
  at::Tensor table = at::zeros({static_cast<std::int64_t>(rows.size()), width}, at::kDouble);
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::int64_t column = 0; column < width; ++column)
      table[static_cast<std::int64_t>(i)][column] = sinusoidal(rows[i], column, width);
  return table.to(at::kFloat);
}

// Records tensors in a folder and reads them back.
Tensors recorded(const NamedTensors& tensors) {
  const testing::TemporaryFolder folder;
  write_safetensors(folder.path() / "tensors.safetensors", tensors);
  return testing::Recording{"positions", folder.path(), {{"kind", "positions"}}}.tensors();
}

TEST_CASE("golden: positions of other widths are read") {
  NamedTensors tensors{
      {"sinusoidal.d12", sinusoidal_table({0, 1, 2, 3, 4, 5, 6}, 12)},
      {"sinusoidal.rows", at::tensor(std::vector<std::int64_t>{1, 2, 77})},
      {"sinusoidal.d10.rows", sinusoidal_table({1, 2, 77}, 10)},
      {"sinusoidal.d34.rows", sinusoidal_table({1, 2, 77}, 34)},
  };
  const auto good = recorded(tensors);
  const PositionsCheck check(good);
  CHECK(check.differences() == std::vector<std::string>{});
  CHECK(check.read() == std::set<std::string>{"sinusoidal.d10.rows", "sinusoidal.d12",
                                              "sinusoidal.d34.rows", "sinusoidal.rows"});
  tensors[0].tensor[6][11] += 1e-3;
  tensors[3].tensor[2][5] += 1e-3;
  const auto damaged = recorded(tensors);
  const PositionsCheck second(damaged);
  REQUIRE(second.differences().size() == 2);
  CHECK(second.differences()[0].starts_with("sinusoidal.d12: element "));
  CHECK(second.differences()[1].starts_with("sinusoidal.d34.rows: element "));
}

TEST_CASE("golden: a recording without a known tensor of positions counts as not read") {
  const auto unknown = recorded({{"sinusoidal.dx", at::zeros({3, 4})},
                                 {"sinusoidal.d8.columns", at::zeros({3, 8})},
                                 {"learned.d8", at::zeros({3, 8})}});
  CHECK(PositionsCheck(unknown).read().empty());
}

}  // namespace
}  // namespace longspan
