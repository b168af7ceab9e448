#include "golden/original_start.h"

#include <cmath>

#include "support/torch_catch.h"

namespace longspan::testing {
namespace {

class Drawer {
 public:
  explicit Drawer(std::uint64_t seed)
      : generator_(at::make_generator<at::CPUGeneratorImpl>(seed)) {}

  void normal(const at::Tensor& x, double deviation) { x.normal_(0.0, deviation, generator_); }
  void uniform(const at::Tensor& x, double bound) { x.uniform_(-bound, bound, generator_); }

  // torch.nn.Linear's default: weight and bias within 1 / sqrt(inputs).
  at::Tensor linear_weight(std::int64_t out, std::int64_t in) {
    at::Tensor weight_OI = at::empty({out, in});
    const double gain = std::sqrt(2.0 / (1.0 + 5.0));
    uniform(weight_OI, std::sqrt(3.0) * (gain / std::sqrt(static_cast<double>(in))));
    return weight_OI;
  }
  at::Tensor linear_bias(std::int64_t out, std::int64_t in) {
    at::Tensor bias_O = at::empty({out});
    uniform(bias_O, 1.0 / std::sqrt(static_cast<double>(in)));
    return bias_O;
  }
  void xavier(const at::Tensor& weight_OI, double gain = 1.0) {
    const auto sum = static_cast<double>(weight_OI.size(0) + weight_OI.size(1));
    uniform(weight_OI, std::sqrt(3.0) * (gain * std::sqrt(2.0 / sum)));
  }

 private:
  at::Generator generator_;
};

void add_bands(Drawer& draw, const Json& model, NamedTensors& start) {
  const std::int64_t d_model = model.at("d_model");
  std::vector<std::int64_t> ends = model.at("cutoffs");
  ends.push_back(model.at("vocab"));
  const std::size_t first = start.size();
  std::int64_t begin = 0, width = d_model;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::string name = "embed.band" + std::to_string(i);
    const at::Tensor rows = at::empty({ends[i] - begin, width});
    draw.normal(rows, 1.0);
    start.push_back({name + ".weight", rows});
    start.push_back({name + ".proj.weight", draw.linear_weight(d_model, width)});
    begin = ends[i];
    width /= model.at("factor").get<std::int64_t>();
  }
  for (std::size_t i = first; i < start.size(); i += 2) {
    const at::Tensor& rows = start[i].tensor;
    draw.normal(rows, 1.0 / std::sqrt(static_cast<double>(rows.size(1))));
    rows[1].zero_();
    draw.xavier(start[i + 1].tensor);
  }
}

void add_norm(const std::string& name, std::int64_t d_model, NamedTensors& start) {
  start.push_back({name + ".weight", at::ones({d_model})});
  start.push_back({name + ".bias", at::zeros({d_model})});
}

void add_linear(Drawer& draw, const std::string& name, std::int64_t out, std::int64_t in,
                NamedTensors& start) {
  start.push_back({name + ".weight", draw.linear_weight(out, in)});
  start.push_back({name + ".bias", draw.linear_bias(out, in)});
}

void add_layer(Drawer& draw, const Json& model, const std::string& prefix, NamedTensors& start) {
  const std::int64_t d_model = model.at("d_model"), ffn = model.at("ffn");
  const std::size_t first = start.size();
  for (const auto* name : {"k", "v", "q", "out"})
    add_linear(draw, prefix + "attn." + name, d_model, d_model, start);
  for (std::size_t i = 0; i < 4; ++i)
    draw.xavier(start[first + 2 * i].tensor, i < 3 ? 1.0 / std::sqrt(2.0) : 1.0);
  start.back().tensor.zero_();  // the bias of `out`
  add_norm(prefix + "attn_norm", d_model, start);
  add_linear(draw, prefix + "ffn.fc1", ffn, d_model, start);
  add_linear(draw, prefix + "ffn.fc2", d_model, ffn, start);
  add_norm(prefix + "ffn_norm", d_model, start);
}

}  // namespace

NamedTensors original_start(const Json& model, std::uint64_t seed) {
  Drawer draw(seed);
  NamedTensors start;
  add_bands(draw, model, start);
  for (std::int64_t i = 0; i < model.at("layers").get<std::int64_t>(); ++i)
    add_layer(draw, model, "layers." + std::to_string(i) + ".", start);
  const std::int64_t d_model = model.at("d_model");
  const auto tails = static_cast<std::int64_t>(model.at("cutoffs").size());
  const at::Tensor clusters = draw.linear_weight(tails, d_model);
  draw.xavier(clusters);
  start.push_back({"head.cluster.weight", clusters});
  if (model.at("method") == "t5") {
    const at::Tensor table = at::empty(
        {model.at("t5").at("buckets").get<std::int64_t>(), model.at("heads").get<std::int64_t>()});
    draw.normal(table, 1.0 / std::sqrt(static_cast<double>(d_model)));
    start.push_back({"position.t5.weight", table});
  }
  return start;
}

}  // namespace longspan::testing
