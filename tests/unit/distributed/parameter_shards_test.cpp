// What each rank owns of parameters, and the sums that it gets of their gradients.

#include "longspan/distributed/parameter_shards.h"

#include <ATen/core/grad_mode.h>

#include "longspan/core/error.h"
#include "longspan/distributed/gradient_reducer.h"
#include "support/ranks.h"
#include "support/scattering.h"
#include "support/torch_catch.h"
#include "support/trainable.h"

namespace longspan {
namespace {

using testing::random_parameters;

constexpr std::int64_t kBucketBytes = 10'000;  // the matrix alone, and the rest together

void require(bool holds, const char* what, const Communicator& communicator) {
  if (!holds)
    throw std::runtime_error(
        concat("rank ", communicator.rank(), " of ", communicator.world_size(), ": ", what));
}

NamedTensors leaves(std::uint64_t seed) {
  NamedTensors parameters = random_parameters(seed);
  for (auto& parameter : parameters) parameter.tensor.requires_grad_();
  return parameters;
}

TEST_CASE("parameters move into buckets with their values, and each rank owns a part", "[group]") {
  for (const int size : {1, 2, 3, 4, 8})
    testing::run_ranks(size, [](Communicator& communicator) {
      const NamedTensors parameters = leaves(1), values = testing::copies(parameters);
      ParameterShards shards(parameters, communicator, kBucketBytes);
      std::int64_t elements = 0;
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const auto &whole = parameters[i].tensor, &own = shards.own()[i].tensor;
        require(whole.equal(values[i].tensor) && whole.requires_grad() && whole.is_leaf(),
                "a parameter stays what it was", communicator);
        require(reinterpret_cast<std::uintptr_t>(whole.const_data_ptr()) % 64 == 0, "alignment",
                communicator);
        require(own.dim() == std::max<std::int64_t>(1, whole.dim()), "dimensions", communicator);
        require(own.equal(shards.own_elements(i, values[i].tensor)), "own values", communicator);
        elements += own.numel();
        const at::NoGradGuard no_gradient;
        own.add_(1.0);
      }
      const auto all = communicator.all_gather_texts(std::to_string(elements));
      std::int64_t sum = 0;
      for (const auto& text : all) sum += std::stoll(text);
      require(sum == 151 * 307 + 30 + 37 + 1, "each element is owned once", communicator);
      shards.gather();
      for (std::size_t i = 0; i < parameters.size(); ++i)
        require(parameters[i].tensor.equal(values[i].tensor + 1.0), "gathered", communicator);
    });
  SUCCEED();
}

TEST_CASE("tensors beside parameters are gathered whole, also when some have none", "[group]") {
  for (const int size : {2, 3, 8})
    testing::run_ranks(size, [](Communicator& communicator) {
      const NamedTensors values = random_parameters(7);
      ParameterShards shards(leaves(1), communicator, kBucketBytes);
      const std::vector<std::size_t> numbers{0, 3};
      std::vector<at::Tensor> own;
      for (const std::size_t i : numbers)
        own.push_back(shards.own_elements(i, values[i].tensor).clone());
      const auto whole = shards.gather(numbers, own);
      for (std::size_t i = 0; i < numbers.size(); ++i)
        require(whole[i].equal(values[numbers[i]].tensor), "whole", communicator);
    });
  SUCCEED();
}

// Rank r has (r + 1) times the parameter's values as its gradient; the bias has none on any rank.
void check_sums(Communicator& communicator, at::ScalarType wire, double tolerance) {
  const NamedTensors parameters = leaves(1);
  ParameterShards shards(parameters, communicator, kBucketBytes);
  GradientReducer reducer(parameters, communicator, {kBucketBytes, wire, &shards});
  const int size = communicator.world_size();
  for (int step = 0; step < 2; ++step) {
    reducer.begin_step();
    for (const auto& own : shards.own())
      require(!own.tensor.grad().defined(), "gradients are forgotten", communicator);
    reducer.expect_last_pass();
    at::Tensor loss = (parameters[0].tensor.square().sum() + parameters[1].tensor.square().sum() +
                       parameters[3].tensor.square().sum()) *
                      (0.5 * (communicator.rank() + 1));
    loss.backward();
    std::vector<double> totals{1.0};
    reducer.finish_step(totals);
    require(totals[0] == size, "totals", communicator);
    for (const std::size_t i : {0u, 1u, 3u}) {
      const at::Tensor& own = shards.own()[i].tensor;
      const at::Tensor right = own * (size * (size + 1) / 2.0);
      require(own.grad().sub(right).abs().le(right.abs() * tolerance).all().item<bool>(), "sum",
              communicator);
      require(parameters[i].tensor.grad().defined() != reducer.scatters_sums(), "whole gradient",
              communicator);
    }
    require(!shards.own()[2].tensor.grad().defined() && !parameters[2].tensor.grad().defined(),
            "a parameter that nobody reached", communicator);
  }
}

// A float sum of `size` numbers is rounded at each addition, a bfloat16 one before them too.
TEST_CASE("each rank has the sums of its own elements", "[group]") {
  for (const int size : {2, 3, 4, 8})
    testing::run_ranks(size, [size](Communicator& communicator) {
      testing::Scattering scattering(communicator);
      for (Communicator* ranks : {&communicator, static_cast<Communicator*>(&scattering)}) {
        check_sums(*ranks, at::kFloat, size / 16'777'216.0);
        check_sums(*ranks, at::kBFloat16, (size + 1) / 256.0);
      }
    });
  SUCCEED();
}

TEST_CASE("what has its sum here are the own elements alone where sums are scattered", "[group]") {
  testing::run_ranks(2, [](Communicator& communicator) {
    const NamedTensors parameters = leaves(1);
    ParameterShards shards(parameters, communicator, kBucketBytes);
    testing::Scattering scattering(communicator);
    const GradientReducer whole(parameters, communicator, {kBucketBytes, at::kFloat, &shards}),
        parts(parameters, scattering, {kBucketBytes, at::kFloat, &shards});
    require(whole.summed()[0].tensor.is_same(parameters[0].tensor), "whole", communicator);
    require(parts.summed()[0].tensor.is_same(shards.own()[0].tensor), "own", communicator);
  });
  SUCCEED();
}

}  // namespace
}  // namespace longspan
