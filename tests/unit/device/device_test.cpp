// What --device means on a machine without a GPU, and that the rest is refused.

#include "longspan/device/device.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <vector>

#include "longspan/core/error.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string refusal_of(const std::string& text) {
  try {
    choose_device(text, 0);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "none";
}

TEST_CASE("a device that is no device is refused with what was found") {
  for (const auto* text : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CPU", ""})
    CHECK_THAT(
        refusal_of(text),
        ContainsSubstring("--device must be auto, cpu, cuda or cuda:i, got " + std::string(text)));
}

TEST_CASE("without a GPU auto is the CPU, and cuda says why not") {
  if (num_gpus() > 0) SKIP("this machine has a GPU");
  CHECK(choose_device("auto", 3).is_cpu());
  CHECK(choose_device("cpu", 3).is_cpu());
  CHECK_THAT(refusal_of("cuda"), ContainsSubstring("--device cuda needs a GPU, "));
  CHECK_THAT(refusal_of("cuda:2"), ContainsSubstring("--device cuda:2 needs a GPU, "));
}

TEST_CASE("each rank of a host has a GPU of its own") {
  if (num_gpus() == 0) SKIP("no GPU");
  CHECK(choose_device("cpu", 0).is_cpu());
  for (int rank = 0; rank < num_gpus(); ++rank) CHECK(choose_device("auto", rank).index() == rank);
  CHECK(choose_device("cuda", num_gpus()).index() == 0);
  CHECK_THAT(refusal_of("cuda:" + std::to_string(num_gpus())), ContainsSubstring("must name one"));
}

TEST_CASE("the peak of the CPU is the process's and never falls") {
  const auto before = peak_memory(c10::kCPU);
  CHECK(before > 0);
  const std::vector<char> block(std::size_t{64} << 20, 1);
  CHECK(peak_memory(c10::kCPU) >= before);
  reset_peak_memory(c10::kCPU);
  CHECK(peak_memory(c10::kCPU) >= before);
  CHECK(device_name(c10::kCPU) == "CPU");
}

}  // namespace
}  // namespace longspan
