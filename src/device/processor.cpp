// What there is to know of the CPU and the memory beside it.

#include "longspan/device/processor.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <thread>

namespace longspan {
namespace {

std::int64_t read_number(const char* path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  return file >> value ? value : -1;  // "max" reads as none
}

}  // namespace

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

int num_cores() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

std::int64_t available_memory() {
  std::int64_t available = std::numeric_limits<std::int64_t>::max();
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("MemAvailable:")) available = std::stoll(line.substr(13)) * 1024;
  const std::int64_t limit = read_number("/sys/fs/cgroup/memory.max"),
                     used = read_number("/sys/fs/cgroup/memory.current");
  return limit >= 0 && used >= 0 ? std::min(available, limit - used) : available;
}

bool has_fast_products(c10::ScalarType dtype) {
  if (dtype != c10::ScalarType::Half && dtype != c10::ScalarType::BFloat16) return true;
#if defined(__clang__) && __clang_major__ < 15  // which knows no avx512fp16
  return true;
#elif defined(__x86_64__)
  if (dtype == c10::ScalarType::Half) return __builtin_cpu_supports("avx512fp16");
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
#else
  return true;
#endif
}

}  // namespace longspan
