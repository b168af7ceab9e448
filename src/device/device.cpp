// GPUs are reached through LibTorch's hooks, which answer in every build; the name alone needs the
// CUDA runtime.

#include "longspan/device/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/util/Exception.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <new>
#include <string_view>

#include "longspan/core/error.h"
#ifdef LONGSPAN_WITH_CUDA
#include "device/cuda/properties.h"
#endif

namespace longspan {
namespace {

#ifdef LONGSPAN_WITH_CUDA
constexpr const char* kWhyNone = "none is visible; see nvidia-smi and CUDA_VISIBLE_DEVICES";
#else
constexpr const char* kWhyNone = "this program was built without CUDA; build the preset cuda";
#endif

constexpr const char* kWorkspaceOfCublas = "CUBLAS_WORKSPACE_CONFIG";

// Returns nothing for a device whose allocator keeps no statistics.
c10::DeviceAllocator* allocator_of(c10::Device device) {
  if (device.is_cpu()) return nullptr;
  auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()));
  return allocator != nullptr && allocator->initialized() ? allocator : nullptr;
}

c10::DeviceIndex index_of(c10::Device device) {
  return device.has_index() ? device.index() : c10::DeviceIndex{0};
}

c10::CachingAllocator::Stat total_of(const c10::CachingAllocator::StatArray& stats) {
  return stats[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
}

c10::Device gpu_at(std::int64_t index) {
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace

// cuBLAS promises the same bits in every run only with workspaces of a fixed size.
void set_gpu_variables() { ::setenv(kWorkspaceOfCublas, ":4096:8", /*overwrite=*/0); }

int num_gpus() { return at::detail::getCUDAHooks().getNumGPUs(); }

c10::Device choose_device(const std::string& text, int local_rank) {
  const int count = num_gpus();
  if (text == "cpu" || (text == "auto" && count == 0)) return c10::kCPU;
  if (text == "cuda" || text == "auto") {
    check(count > 0, ErrorKind::Config, "--device cuda needs a GPU, ", kWhyNone);
    return gpu_at(local_rank % count);
  }
  int index = -1;
  const char* const end = text.data() + text.size();
  const auto number = text.starts_with("cuda:")
                          ? std::from_chars(text.data() + 5, end, index)
                          : std::from_chars_result{text.data(), std::errc::invalid_argument};
  check(number.ec == std::errc() && number.ptr == end && index >= 0, ErrorKind::Config,
        "--device must be auto, cpu, cuda or cuda:i, got ", text);
  check(count > 0, ErrorKind::Config, "--device ", text, " needs a GPU, ", kWhyNone);
  check(index < count, ErrorKind::Config, "--device cuda:i must name one of the ", count,
        " GPUs, counted from 0, got ", text);
  return gpu_at(index);
}

void bind_to(c10::Device device) {
  if (device.is_cpu()) return;
  c10::impl::getDeviceGuardImpl(device.type())->setDevice(device);
  check(std::getenv(kWorkspaceOfCublas) != nullptr, ErrorKind::Internal, kWorkspaceOfCublas,
        " must be set before a GPU is used; see set_gpu_variables");
  // Sums whose order is left to chance on a GPU would break what a run promises: an operator that
  // has no other is an error.
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

std::string device_name([[maybe_unused]] c10::Device device) {
#ifdef LONGSPAN_WITH_CUDA
  if (device.is_cuda()) return cuda::model_name(index_of(device));
#endif
  return "CPU";
}

std::int64_t free_gpu_memory(c10::Device device) {
  auto* const allocator = allocator_of(device);
  check(allocator != nullptr, ErrorKind::Internal, "no memory is counted on ", device.str());
  const auto stats = allocator->getDeviceStats(index_of(device));
  return static_cast<std::int64_t>(allocator->getMemoryInfo(index_of(device)).first) +
         total_of(stats.reserved_bytes).current - total_of(stats.allocated_bytes).current;
}

bool is_out_of_memory(const std::exception& error) {
  // LibTorch's allocator; and oneDNN, whose products fail for want of memory alone where their
  // factors are what they must be.
  constexpr std::string_view kTexts[] = {"can't allocate memory", "could not create a primitive",
                                         "could not execute a primitive",
                                         "could not create a memory object"};
  const std::string_view text = error.what();
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
         dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         std::ranges::any_of(kTexts, [&](auto each) { return text.find(each) != text.npos; });
}

void reset_peak_memory(c10::Device device) {
  if (auto* allocator = allocator_of(device)) allocator->resetPeakStats(index_of(device));
}

std::int64_t peak_memory(c10::Device device) {
  if (auto* allocator = allocator_of(device))
    return total_of(allocator->getDeviceStats(index_of(device)).allocated_bytes).peak;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace longspan
