// The reducer beside a plain sum over ranks of what each computes alone.

#include "longspan/distributed/gradient_reducer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "support/ranks.h"
#include "support/temporary_folder.h"
#include "support/tensors.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::random_tensor;
using testing::run_ranks;

constexpr int kPasses = 3;

NamedTensors make_parameters(at::ScalarType dtype) {
  NamedTensors parameters{{"first", random_tensor({40, 30}, 1, dtype)},
                          {"second", random_tensor({30}, 2, dtype)},
                          {"third", random_tensor({7, 3}, 3, dtype)},
                          {"only_rank_0", random_tensor({5}, 4, dtype)},
                          {"nobody", random_tensor({6}, 5, dtype)}};
  for (auto& parameter : parameters) parameter.tensor.requires_grad_();
  return parameters;
}

// A loss that depends on rank and pass; `first` enters twice, some parameters not at all.
at::Tensor loss_of(const NamedTensors& parameters, int rank, int pass) {
  const auto seed = static_cast<std::uint64_t>(100 + 10 * rank + pass);
  const auto dtype = parameters[0].tensor.scalar_type();
  auto loss = (parameters[0].tensor * random_tensor({40, 30}, seed, dtype)).sum() +
              (parameters[0].tensor.square() * random_tensor({40, 30}, seed + 1, dtype)).sum() +
              (parameters[1].tensor * random_tensor({30}, seed + 2, dtype)).sum() +
              (parameters[2].tensor * random_tensor({7, 3}, seed + 3, dtype)).sum();
  if (rank == 0 && pass == 0) loss = loss + parameters[3].tensor.sum();
  return loss;
}

// The last rank has no pass at all when there are more than two.
int passes_of(int rank, int size) { return size > 2 && rank == size - 1 ? 0 : kPasses - rank; }

NamedTensors expected_gradients(int size, at::ScalarType dtype) {
  const auto parameters = make_parameters(dtype);
  for (int rank = 0; rank < size; ++rank)
    for (int pass = 0; pass < passes_of(rank, size); ++pass)
      loss_of(parameters, rank, pass).backward();
  return parameters;
}

void check_reducer(int size, const GradientReducerOptions& options, double tolerance) {
  const auto expected = expected_gradients(size, at::kDouble);
  std::mutex mutex;
  run_ranks(size, [&](Communicator& communicator) {
    const auto dtype = options.wire_dtype == at::kBFloat16 ? at::kFloat : options.wire_dtype;
    const auto parameters = make_parameters(dtype);
    GradientReducer reducer(parameters, communicator, options);
    for (int step = 0; step < 2; ++step) {
      reducer.begin_step();
      const int passes = passes_of(communicator.rank(), size);
      for (int pass = 0; pass < passes; ++pass) {
        if (pass == passes - 1) reducer.expect_last_pass();
        loss_of(parameters, communicator.rank(), pass).backward();
      }
      std::vector<double> totals{1.0, static_cast<double>(communicator.rank())};
      reducer.finish_step(totals);
      const std::lock_guard lock(mutex);
      CHECK(totals[0] == size);
      CHECK(totals[1] == size * (size - 1) / 2);
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        INFO(parameters[i].name << ", " << size << " ranks, step " << step);
        const auto &found = parameters[i].tensor.grad(), &right = expected[i].tensor.grad();
        REQUIRE(found.defined() == right.defined());
        if (right.defined())
          CHECK(testing::difference(found, right, tolerance * right.abs().max().item<double>()) ==
                "");
      }
    }
  });
}

TEST_CASE("reduced gradients are the sums over ranks and passes", "[group]") {
  for (const int size : {2, 3})
    for (const std::int64_t bucket_bytes : {1, 1000, 1 << 20})
      check_reducer(size, {bucket_bytes, at::kDouble}, 1e-14);
}

// The sum of a tensor, whose gradient a pass can keep back.
struct KeptBack : torch::autograd::Function<KeptBack> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            bool keeps) {
    context->saved_data["keeps"] = keeps;
    context->saved_data["sizes"] = x.sizes().vec();
    return x.sum();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    if (context->saved_data["keeps"].toBool()) return {{}, {}};
    return {gradients[0].expand(context->saved_data["sizes"].toIntVector()), {}};
  }
};

TEST_CASE("a pass may keep a gradient back, for the step's last or for none", "[group]") {
  std::mutex mutex;
  run_ranks(2, [&](Communicator& communicator) {
    const auto parameters = make_parameters(at::kFloat);
    GradientReducer reducer(parameters, communicator, {1, at::kFloat});
    for (int step = 0; step < 2; ++step) {
      reducer.begin_step();
      for (const bool is_last : {false, true}) {
        if (is_last) reducer.expect_last_pass();
        const auto loss = KeptBack::apply(parameters[0].tensor, !is_last) +
                          KeptBack::apply(parameters[1].tensor, true) + parameters[2].tensor.sum();
        loss.backward();
      }
      std::vector<double> totals{0.0};
      reducer.finish_step(totals);
      const std::lock_guard lock(mutex);
      CHECK(parameters[0].tensor.grad().eq(2.0).all().item<bool>());
      CHECK_FALSE(parameters[1].tensor.grad().defined());
      CHECK(parameters[2].tensor.grad().eq(4.0).all().item<bool>());
    }
  });
}

// Each gradient is rounded once on its way out and once a sum: 2^-9 relative each.
TEST_CASE("gradients may travel as bfloat16", "[group]") {
  check_reducer(2, {1000, at::kBFloat16}, 3.0 / 512);
}

TEST_CASE("buckets hold what they are meant to, and all ranks the same bits", "[group]") {
  run_ranks(2, [](Communicator& communicator) {
    const auto parameters = make_parameters(at::kFloat);
    GradientReducer reducer(parameters, communicator, {200, at::kFloat});
    std::int64_t bytes = 0;
    for (const auto& parameter : parameters)
      bytes += static_cast<std::int64_t>(parameter.tensor.nbytes());
    if (reducer.bytes_per_step() != bytes) throw std::runtime_error("bytes on the wire");
    // From the last: 24 + 20 + 84 bytes, 120, 4800.
    if (reducer.num_buckets() != 3)
      throw std::runtime_error(concat(reducer.num_buckets(), " buckets"));
    reducer.begin_step();
    reducer.expect_last_pass();
    loss_of(parameters, communicator.rank(), 0).backward();
    std::vector<double> totals;
    reducer.finish_step(totals);
    check_equal(communicator, {"gradient"}, {parameters[0].tensor.grad()});
  });
  SUCCEED();
}

TEST_CASE("a timeline shows a span for each bucket, the first sent while backward runs",
          "[group]") {
  const testing::TemporaryFolder folder;
  run_ranks(2, [&](Communicator& communicator) {
    const auto parameters = make_parameters(at::kFloat);
    GradientReducer reducer(parameters, communicator, {200, at::kFloat});
    Timeline timeline;
    reducer.begin_step(&timeline);
    reducer.expect_last_pass();
    // Without the parameters that are in the first bucket, nothing is sent before the end.
    auto loss = loss_of(parameters, 0, 0) + parameters[4].tensor.sum();
    {
      const TimelineSpan span(&timeline, "backward");
      loss.backward();
    }
    std::vector<double> totals;
    reducer.finish_step(totals);
    if (communicator.leads()) timeline.write(folder.path() / "timeline.json", 0);
  });
  const Json events = Json::parse(read_file(folder.path() / "timeline.json")).at("traceEvents");
  double backward_end = 0.0, first_bucket = 0.0;
  int buckets = 0;
  for (const Json& event : events) {
    if (event.at("name") == "backward")
      backward_end = event.at("ts").get<double>() + event.at("dur").get<double>();
    if (event.at("name") == "bucket 0") first_bucket = event.at("ts").get<double>();
    buckets += event.at("name").get<std::string>().starts_with("bucket") ? 1 : 0;
  }
  CHECK(buckets == 3);
  CHECK(first_bucket < backward_end);
}

TEST_CASE("a reducer that is gone leaves no hook behind", "[group]") {
  run_ranks(2, [](Communicator& communicator) {
    const auto parameters = make_parameters(at::kFloat);
    { GradientReducer reducer(parameters, communicator, {}); }
    loss_of(parameters, 0, 0).backward();
  });
  SUCCEED();
}

}  // namespace
}  // namespace longspan
