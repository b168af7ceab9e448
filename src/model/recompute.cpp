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
  Segment(const Layer& run_layer, const Pass& run_pass)
      : layer(&run_layer), pass(run_pass), options(*run_pass.options) {
    if (options.randomness != nullptr) {
      randomness = *options.randomness;
      options.randomness = &randomness;
    }
    pass.options = &options;
  }
  const Layer* layer;
  Pass pass;
  ForwardOptions options;
  TrainingRandomness randomness;
};

at::Tensor leaf(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.detach().requires_grad_() : tensor;
}

struct RecomputedLayer : torch::autograd::Function<RecomputedLayer> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_BTD,
                            const std::optional<at::Tensor>& bias,
                            const c10::intrusive_ptr<Segment>& segment) {
    context->save_for_backward({x_BTD, bias.value_or(at::Tensor())});
    context->saved_data["segment"] = c10::IValue::make_capsule(segment);
    return segment->layer->forward(x_BTD, segment->pass);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto capsule = context->saved_data["segment"].toCapsule();
    const auto& segment = static_cast<const Segment&>(*capsule);
    const auto x_BTD = leaf(saved[0]), bias = leaf(saved[1]);
    Pass pass = segment.pass;
    pass.bias = with_trainable_part(pass.bias, bias);
    at::Tensor y_BTD;
    {
      const at::AutoGradMode with_gradient(true);
      y_BTD = segment.layer->forward(x_BTD, pass);
    }
    torch::autograd::backward({y_BTD}, {gradients[0]});
    return {x_BTD.grad(), bias.defined() ? bias.grad() : bias, {}};
  }
};

}  // namespace

at::Tensor forward_recomputed(const Layer& layer, const at::Tensor& x_BTD, const Pass& pass) {
  std::optional<at::Tensor> bias;
  if (const auto part = trainable_part(pass.bias); part.defined()) bias = part;
  return RecomputedLayer::apply(x_BTD, bias, c10::make_intrusive<Segment>(layer, pass));
}

}  // namespace longspan
