// The constant tables of the methods: each number is the exact one rounded once, and the same on
// processors that have other vector instructions.

#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "longspan/core/hash.h"
#include "longspan/position/position.h"
#include "support/rotations.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr std::int64_t kPositions = 3072, kDModel = 1024, kHeads = 8, kHeadDim = 128;
constexpr const char* kExpectedHash = "LONGSPAN_TEST_TABLES";

std::unique_ptr<PositionMethod> make(const std::string& kind) {
  return make_position(default_position_options(kind), {kDModel, kHeads, kHeadDim, kPositions});
}

at::Tensor sinusoids() {
  return make("sinusoidal")->embed(at::zeros({1, kPositions, kDModel}), {0, kPositions})[0];
}

// Pairs (1, 0) turned: each is the cosine and the sine of its angle.
testing::QueryKey turned(const std::string& kind) {
  const auto pairs = at::tensor({1.0f, 0.0f}).repeat({1, kPositions, 1, kHeadDim / 2});
  const auto both = testing::rotated(*make(kind), {pairs, pairs}, {0, kPositions});
  return {both.q_BTHK[0].squeeze(1), both.k_BTGK[0].squeeze(1)};
}

// Counts the entries of `table` that are not function(row, column) rounded to float.
template <class Function>
std::int64_t count_unlike(const at::Tensor& table, Function function) {
  const auto values = table.accessor<float, 2>();
  std::int64_t unlike = 0;
  for (std::int64_t t = 0; t < table.size(0); ++t)
    for (std::int64_t i = 0; i < table.size(1); ++i)
      unlike += values[t][i] != static_cast<float>(function(t, i));
  return unlike;
}

long double geometric(std::int64_t j, std::int64_t count) {
  return std::pow(10000.0L, -static_cast<long double>(j) / static_cast<long double>(count));
}

// The element of a head whose pairs (1, 0) are turned.
long double of_pair(std::int64_t position, std::int64_t element) {
  const auto angle = static_cast<long double>(position) * geometric(element / 2, kHeadDim / 2);
  return element % 2 == 0 ? std::cos(angle) : std::sin(angle);
}

TEST_CASE("every sinusoid is the exact one rounded once") {
  constexpr std::int64_t kHalf = kDModel / 2;
  CHECK(count_unlike(sinusoids(), [](std::int64_t t, std::int64_t i) {
          const auto angle = static_cast<long double>(t + 2) * geometric(i % kHalf, kHalf - 1);
          return i < kHalf ? std::sin(angle) : std::cos(angle);
        }) == 0);
}

TEST_CASE("every cosine and sine of rotary is the exact one rounded once") {
  const auto both = turned("rotary");
  CHECK(count_unlike(both.q_BTHK, of_pair) == 0);
  CHECK(count_unlike(both.k_BTGK, of_pair) == 0);
}

TEST_CASE("every scaled cosine and sine of xpos is the exact one rounded once") {
  const auto both = turned("xpos");
  const auto scale = [](std::int64_t position, std::int64_t element) {
    const long double share = 2.0L * static_cast<long double>(element / 2) / kHeadDim;
    return std::pow((share + 0.4L) / 1.4L, static_cast<long double>(position) / 512.0L);
  };
  CHECK(count_unlike(both.q_BTHK, [&](std::int64_t t, std::int64_t i) {
          return of_pair(t, i) * scale(t, i);
        }) == 0);
  CHECK(count_unlike(both.k_BTGK, [&](std::int64_t t, std::int64_t i) {
          return of_pair(t, i) / scale(t, i);
        }) == 0);
}

std::string hash_of_tables() {
  std::string bytes;
  const auto rotary = turned("rotary"), xpos = turned("xpos");
  for (const auto& table :
       {sinusoids(), rotary.q_BTHK, rotary.k_BTGK, xpos.q_BTHK, xpos.k_BTGK,
        std::get<DistanceBias>(make("sandwich")->score_bias(kPositions)).bias_HN.to(at::kFloat),
        std::get<LinearBias>(make("alibi")->score_bias(kPositions)).slopes_H.to(at::kFloat)}) {
    const auto whole = table.contiguous();
    bytes.append(static_cast<const char*>(whole.const_data_ptr()), whole.nbytes());
  }
  return hash_of(bytes);
}

// Run by the next test alone, in a process of its own.
TEST_CASE("tables have the hash that the environment names", "[.]") {
  const char* const expected = std::getenv(kExpectedHash);
  REQUIRE(expected != nullptr);
  CHECK(hash_of_tables() == expected);
}

// MKL's vector functions, which LibTorch's elementwise operations call, take the kernels of other
// processors by numbers of MKL's own: 3 and 5 are ones with SSE4 and AVX2.
TEST_CASE("tables are the same bits whatever vector instructions the libraries may use") {
  const std::string setting = GENERATE(
      "ATEN_CPU_CAPABILITY=default", "MKL_VML_DEBUG_CPU_TYPE=3", "MKL_VML_DEBUG_CPU_TYPE=5",
      "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable");
  INFO(setting);
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  const int status = std::system(("env " + setting + " " + kExpectedHash + "=" + hash_of_tables() +
                                  " '" + program + "' 'tables have the hash*'")
                                     .c_str());
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace longspan
