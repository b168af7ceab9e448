// The machine that runs the test, as far as it can be checked against another source.

#include "longspan/device/processor.h"

#include <sched.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

namespace longspan {
namespace {

TEST_CASE("the processor has a name and as many cores as the system says") {
  CHECK_FALSE(processor_name().empty());
  CHECK(processor_name().find(':') == std::string::npos);
  cpu_set_t usable;
  REQUIRE(::sched_getaffinity(0, sizeof usable, &usable) == 0);
  CHECK(num_cores() >= CPU_COUNT(&usable));
}

TEST_CASE("memory that is free is part of the machine's") {
  const std::int64_t total = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE);
  CHECK(available_memory() > 0);
  CHECK(available_memory() < total);
}

TEST_CASE("products of four bytes are fast everywhere; those of two need more of a processor") {
  CHECK(has_fast_products(c10::ScalarType::Float));
  CHECK(has_fast_products(c10::ScalarType::Double));
#if defined(__x86_64__)
  CHECK(has_fast_products(c10::ScalarType::Half) == bool(__builtin_cpu_supports("avx512fp16")));
  if (!__builtin_cpu_supports("avx512f")) CHECK_FALSE(has_fast_products(c10::ScalarType::BFloat16));
#endif
}

}  // namespace
}  // namespace longspan
