// A pass like the one before copies nothing to the device. "meta" stands for a GPU: tensors there
// have sizes and no numbers.

#include <ATen/record_function.h>

#include <set>
#include <string_view>

#include "longspan/position/position.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr PositionDimensions kDimensions{8, 2, 4, 7, 3};

// What the operators of this thread did since it was cleared.
struct Seen {
  int copies = 0;  // from the CPU, or to another dtype
  std::set<const void*> indices;
};
thread_local Seen t_seen;

std::unique_ptr<at::ObserverContext> look_at(const at::RecordFunction& call) {
  const std::string_view name = call.name();
  const auto inputs = call.inputs();
  if (name == "aten::_to_copy") ++t_seen.copies;
  if (name == "aten::copy_")
    t_seen.copies += inputs[0].toTensor().is_meta() && inputs[1].toTensor().is_cpu();
  if (name == "aten::index_select")
    t_seen.indices.insert(inputs[2].toTensor().unsafeGetTensorImpl());
  return nullptr;
}

class Watch {
 public:
  Watch()
      : handle_(
            at::addThreadLocalCallback(at::RecordFunctionCallback(look_at).needsInputs(true).scopes(
                {at::RecordScope::FUNCTION}))) {
    t_seen = {};
  }
  ~Watch() { at::removeCallback(handle_); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  at::CallbackHandle handle_;
};

// What a pass asks of a method, with its parameters on the CPU or without any.
void ask(const PositionMethod& method, BiasCopy& bias, c10::Device device) {
  const auto x_BTD = at::zeros({2, 7, 8}, at::TensorOptions(device).dtype(at::kFloat));
  method.embed(x_BTD, {0, 7});
  method.rotation({0, 7}, x_BTD.options());
  for (const ScoreBias& one : method.layer_biases(7)) bias.on(device, one);
}

TEST_CASE("a method without parameters copies nothing to the device from the second pass on") {
  const auto kind = GENERATE(from_range(position_kinds()), std::string("absolute alibi"));
  INFO(kind);
  const auto method = kind == "absolute alibi"
                          ? make_position(AlibiOptions{AlibiForm::Absolute}, kDimensions)
                          : make_position(default_position_options(kind), kDimensions);
  if (!method->parameters().empty()) return;
  BiasCopy bias;
  ask(*method, bias, at::kMeta);
  const Watch watch;
  ask(*method, bias, at::kMeta);
  CHECK(t_seen.copies == 0);
}

TEST_CASE("copies to a device are seen by these tests") {
  const Watch watch;
  at::zeros({3}, at::kFloat).to(at::kMeta);
  CHECK(t_seen.copies > 0);
}

TEST_CASE("a method with parameters makes its constants once") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto method = make_position(default_position_options(kind), kDimensions);
  BiasCopy bias;
  const Watch watch;
  ask(*method, bias, at::kCPU);
  t_seen.copies = 0;
  ask(*method, bias, at::kCPU);
  CHECK(t_seen.copies == 0);
  CHECK(t_seen.indices.size() == (kind == "t5"));
}

TEST_CASE("a bias on its own device, and one that trains, are handed on as they are") {
  BiasCopy copy;
  const auto slopes_H = at::ones({3}, at::kDouble);
  CHECK(std::get<LinearBias>(copy.on(at::kCPU, LinearBias{slopes_H})).slopes_H.is_same(slopes_H));
  const auto trained_HN = at::ones({3, 5}, at::kFloat).requires_grad_();
  const auto first = std::get<DistanceBias>(copy.on(at::kMeta, DistanceBias{trained_HN})).bias_HN;
  const auto second = std::get<DistanceBias>(copy.on(at::kMeta, DistanceBias{trained_HN})).bias_HN;
  CHECK(first.requires_grad());
  CHECK_FALSE(first.is_same(second));  // its numbers are others after each step
}

TEST_CASE("the copy of a bias follows the tensor and the device") {
  BiasCopy copy;
  const LinearBias a{at::ones({3}, at::kDouble)}, b{at::ones({4}, at::kDouble)};
  const auto on_meta = [&](const LinearBias& bias) {
    return std::get<LinearBias>(copy.on(at::kMeta, bias)).slopes_H;
  };
  const auto first = on_meta(a);
  CHECK(first.is_meta());
  CHECK(on_meta(a).is_same(first));
  CHECK(on_meta(b).size(0) == 4);
  CHECK(std::get<LinearBias>(copy.on(at::kCPU, a)).slopes_H.is_same(a.slopes_H));
}

}  // namespace
}  // namespace longspan
