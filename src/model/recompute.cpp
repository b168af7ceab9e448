// Activation checkpointing of one layer. A bias that trains may be shared by all layers, so it
// enters as an input of its own: its graph must not be run through once a layer.

#include "model/recompute.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace longspan {
namespace {

// What backward needs to run the layer again. The pass points to the options beside it.
struct Segment : torch::CustomClassHolder {
  Segment(const Layer& run_layer, const Pass& run_pass, const Layer* layer_behind)
      : layer(&run_layer), next(layer_behind), pass(run_pass), options(*run_pass.options) {
    if (options.randomness != nullptr) {
      randomness = *options.randomness;
      options.randomness = &randomness;
    }
    pass.options = &options;
  }
  const Layer *layer, *next;
  Pass pass;
  ForwardOptions options;
  TrainingRandomness randomness;
};

at::Tensor leaf(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.detach().requires_grad_() : tensor;
}

torch::autograd::variable_list defined_parts(const Stream& stream) {
  if (!stream.normed_BTD.defined()) return {stream.x_BTD};
  return {stream.x_BTD, stream.normed_BTD};
}

struct RecomputedLayer : torch::autograd::Function<RecomputedLayer> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x_BTD,
                                                const std::optional<at::Tensor>& normed_BTD,
                                                const std::optional<at::Tensor>& bias,
                                                const c10::intrusive_ptr<Segment>& segment) {
    context->save_for_backward({x_BTD, bias.value_or(at::Tensor())});
    context->saved_data["segment"] = c10::IValue::make_capsule(segment);
    return defined_parts(segment->layer->forward({x_BTD, normed_BTD.value_or(at::Tensor())},
                                                 segment->pass, segment->next));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto capsule = context->saved_data["segment"].toCapsule();
    const auto& segment = static_cast<const Segment&>(*capsule);
    const auto bias = leaf(saved[1]);
    Pass pass = segment.pass;
    pass.bias = with_trainable_part(pass.bias, bias);
    const Stream in{leaf(saved[0]), leaf(segment.layer->normed_input(saved[0], pass))};
    torch::autograd::variable_list out;
    {
      const at::AutoGradMode with_gradient(true);
      out = defined_parts(segment.layer->forward(in, pass, segment.next));
    }
    torch::autograd::backward(out, gradients);
    const auto gradient = [](const at::Tensor& x) { return x.defined() ? x.grad() : x; };
    return {in.x_BTD.grad(), gradient(in.normed_BTD), gradient(bias), {}};
  }
};

}  // namespace

Stream forward_recomputed(const Layer& layer, const Stream& in, const Pass& pass,
                          const Layer* next) {
  std::optional<at::Tensor> normed, bias;
  if (in.normed_BTD.defined()) normed = in.normed_BTD;
  if (const auto part = trainable_part(pass.bias); part.defined()) bias = part;
  const auto out = RecomputedLayer::apply(in.x_BTD, normed, bias,
                                          c10::make_intrusive<Segment>(layer, pass, next));
  return {out.front(), out.size() > 1 ? out.back() : at::Tensor()};
}

}  // namespace longspan
