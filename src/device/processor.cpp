// What there is to know of the CPU and the memory beside it.

#include "longspan/device/processor.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "device/control_group.h"

namespace longspan {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

int num_cores() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

std::int64_t available_memory() {
  std::int64_t available = kUnlimited;
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("MemAvailable:")) available = std::stoll(line.substr(13)) * 1024;
  std::ifstream groups("/proc/self/cgroup");
  return std::min(available, memory_left_in_groups(groups, "/sys/fs/cgroup"));
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
