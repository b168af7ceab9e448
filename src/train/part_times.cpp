#include "train/part_times.h"

#include <array>
#include <chrono>
#include <mutex>

#include "longspan/device/wait.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;

struct NamedPart {
  std::string_view name, part;
};

// LibTorch's operators by name; whichever is not here and does anything is one of the others.
constexpr NamedPart kOperators[] = {
    {"mm", "products"},
    {"addmm", "products"},
    {"addmm_", "products"},
    {"bmm", "products"},
    {"baddbmm", "products"},
    {"linear", "products"},
    {"linear_backward", "products"},
    {"matmul", "products"},
    {"native_layer_norm", "norms"},
    {"native_layer_norm_backward", "norms"},
    {"layer_norm", "norms"},
    {"rms_norm", "norms"},
    {"_fused_rms_norm", "norms"},
    {"_fused_rms_norm_backward", "norms"},
    {"relu", "activation"},
    {"threshold_backward", "activation"},
    {"gelu", "activation"},
    {"gelu_backward", "activation"},
    {"silu", "activation"},
    {"silu_backward", "activation"},
    {"embedding", "embedding"},
    {"embedding_backward", "embedding"},
    {"embedding_dense_backward", "embedding"},
    {"to", "casts and copies"},
    {"_to_copy", "casts and copies"},
    {"copy_", "casts and copies"},
    {"contiguous", "casts and copies"},
    {"clone", "casts and copies"},
    {"cat", "casts and copies"},
    {"stack", "casts and copies"},
};

// Another look at the same elements.
constexpr std::string_view kViews[] = {
    "view",   "reshape",    "t",         "transpose",    "narrow",    "slice",          "select",
    "detach", "as_strided", "expand",    "expand_as",    "unsqueeze", "squeeze",        "permute",
    "alias",  "split",      "unflatten", "_unsafe_view", "flatten",   "_reshape_alias",
};

constexpr std::string_view kStepParts = "longspan::", kAten = "aten::", kOther = "other operators";

// The observer's functions are plain ones, so what they know is the module's.
std::mutex mutex;
std::map<std::string, double> totals;
c10::Device measured(c10::kCPU);
thread_local int depth = 0;

struct Span : at::ObserverContext {
  std::string part;
  Clock::time_point begin;
};

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  const std::string_view part = part_of(function.name());
  if (part.empty()) return nullptr;
  auto span = std::make_unique<Span>();
  if (depth++ == 0) {
    wait_for(measured);
    span->part = part;
    span->begin = Clock::now();
  }
  return span;
}

void end(const at::RecordFunction&, at::ObserverContext* context) {
  if (context == nullptr || --depth > 0) return;
  wait_for(measured);
  const auto& span = static_cast<Span&>(*context);
  const std::chrono::duration<double> seconds = Clock::now() - span.begin;
  const std::lock_guard lock(mutex);
  totals[span.part] += seconds.count();
}

}  // namespace

std::string_view part_of(std::string_view name) {
  if (name.starts_with(kStepParts)) return name.substr(kStepParts.size());
  if (!name.starts_with(kAten)) return {};
  name.remove_prefix(kAten.size());
  for (const auto& [known, part] : kOperators)
    if (known == name) return part;
  for (const auto view : kViews)
    if (view == name) return {};
  return kOther;
}

PartTimes::PartTimes(c10::Device device) {
  measured = device;
  totals.clear();
  handle_ = at::addGlobalCallback(
      at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::FUNCTION}));
}

PartTimes::~PartTimes() { at::removeCallback(handle_); }

std::map<std::string, double> PartTimes::seconds() const {
  const std::lock_guard lock(mutex);
  return totals;
}

}  // namespace longspan
