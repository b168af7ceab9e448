// What a step of the reducer asks of the communicator, in which order: on a GPU ranks that disagree
// about it wait for each other for ever. A rank alone shows it, on a communicator that notes calls.

#include <ATen/ops/ones.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/distributed/gradient_reducer.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

// Sums nothing.
class NotedCalls final : public Communicator {
 public:
  using Lines = std::vector<std::string>;

  explicit NotedCalls(int ranks = 2, bool scatters = false) : ranks_(ranks), scatters_(scatters) {}

  int rank() const override { return 0; }
  int world_size() const override { return ranks_; }
  std::unique_ptr<PendingCall> start_all_reduce(const at::Tensor& tensor,
                                                std::function<void()>) override {
    return start("sum ", tensor);
  }
  std::unique_ptr<PendingCall> start_part_sum(const at::Tensor& tensor,
                                              std::function<void()>) override {
    return start("sum parts of ", tensor);
  }
  bool scatters_sums(c10::Device) const override { return scatters_; }
  std::unique_ptr<PendingCall> start_part_gather(const at::Tensor& tensor) override {
    return start("gather parts of ", tensor);
  }
  void broadcast(const at::Tensor&, int) override { lines_.emplace_back("broadcast"); }
  std::vector<at::Tensor> all_gather(const at::Tensor& tensor) override {
    lines_.emplace_back("all-gather");
    return {tensor, tensor};
  }
  void report_failure(const std::string&) noexcept override {}
  void leave() override {}

  void note(const std::string& line) { lines_.push_back(line); }
  Lines take() { return std::exchange(lines_, {}); }

 private:
  class Call final : public PendingCall {
   public:
    Call(Lines& lines, std::string line) : lines_(lines), line_(std::move(line)) {}
    void wait() override { lines_.push_back(line_); }

   private:
    Lines& lines_;
    std::string line_;
  };

  std::unique_ptr<PendingCall> start(const char* what, const at::Tensor& tensor) {
    const std::string call = concat(c10::toString(tensor.scalar_type()), ' ', tensor.sizes());
    lines_.push_back(what + call);
    return std::make_unique<Call>(lines_, "wait " + call);
  }

  int ranks_;
  bool scatters_;
  Lines lines_;
};

// From the last: buckets of 30, of 20 + 8 and of 12 elements.
NamedTensors make_parameters() {
  NamedTensors parameters{{"a", at::ones({3, 4})},
                          {"b", at::ones({8})},
                          {"c", at::ones({4, 5})},
                          {"d", at::ones({30})}};
  for (auto& parameter : parameters) parameter.tensor.requires_grad_();
  return parameters;
}

at::Tensor sum_of(const NamedTensors& parameters, const std::vector<std::size_t>& which) {
  at::Tensor sum = at::ones({});
  for (const std::size_t i : which) sum = sum + parameters[i].tensor.sum();
  return sum;
}

const NotedCalls::Lines kWholeStep{"sum Float [30]",  "sum Float [28]",  "sum Float [12]",
                                   "finish",          "sum Double [6]",  "wait Float [30]",
                                   "wait Float [28]", "wait Float [12]", "wait Double [6]"};

TEST_CASE("a step sends its buckets from the last during the last pass, then the totals") {
  NotedCalls calls;
  const auto parameters = make_parameters();
  GradientReducer reducer(parameters, calls, {120, at::kFloat});
  for (int step = 0; step < 2; ++step) {
    reducer.begin_step();
    sum_of(parameters, {0, 1, 2, 3}).backward();
    CHECK(calls.take().empty());  // not the last pass
    reducer.expect_last_pass();
    sum_of(parameters, {0, 1, 2, 3}).backward();
    calls.note("finish");
    std::vector<double> totals(2, 1.0);
    reducer.finish_step(totals);
    CHECK(calls.take() == kWholeStep);
  }
}

TEST_CASE("the order of a step's calls does not depend on which gradients a rank has") {
  NotedCalls calls;
  const auto parameters = make_parameters();
  GradientReducer reducer(parameters, calls, {120, at::kFloat});
  // None at all; those of the last bucket missing, so that all wait; one of a bucket missing.
  const std::vector<std::pair<std::vector<std::size_t>, std::size_t>> cases{
      {{}, 0}, {{0, 1, 2}, 0}, {{0, 1, 3}, 1}};
  for (const auto& [which, sent_during_backward] : cases) {
    reducer.begin_step();
    reducer.expect_last_pass();
    if (!which.empty()) sum_of(parameters, which).backward();
    calls.note("finish");
    std::vector<double> totals(2, 1.0);
    reducer.finish_step(totals);
    NotedCalls::Lines expected = kWholeStep;
    std::rotate(expected.begin() + static_cast<std::ptrdiff_t>(sent_during_backward),
                expected.begin() + 3, expected.begin() + 4);
    CHECK(calls.take() == expected);
  }
}

TEST_CASE("gradients that travel in another type have the same calls") {
  NotedCalls calls;
  const auto parameters = make_parameters();
  GradientReducer reducer(parameters, calls, {120, at::kBFloat16});
  reducer.begin_step();
  reducer.expect_last_pass();
  sum_of(parameters, {0, 1, 2, 3}).backward();
  CHECK(calls.take() ==
        NotedCalls::Lines{"sum BFloat16 [30]", "sum BFloat16 [28]", "sum BFloat16 [12]"});
}

// From the last, each tensor at a multiple of 64 elements: buckets of 64, of 128 and of 64, in
// parts of a multiple of 64.
TEST_CASE("a sharded step sums parts, and gathers them, in one order for all ranks") {
  const std::map<int, std::pair<int, int>> elements{
      {2, {128, 128}}, {3, {192, 192}}, {4, {256, 256}}, {8, {512, 512}}};
  for (const auto& [ranks, sizes] : elements)
    for (const bool scatters : {true, false}) {
      INFO(ranks << " ranks");
      NotedCalls calls(ranks, scatters);
      const auto parameters = make_parameters();
      ParameterShards shards(parameters, calls, 120);
      GradientReducer reducer(parameters, calls, {120, at::kFloat, &shards});
      const std::string small = concat("Float [", sizes.first, "]"),
                        large = concat("Float [", sizes.second, "]");
      for (const bool all : {true, false}) {
        reducer.begin_step();
        reducer.expect_last_pass();
        sum_of(parameters, all ? std::vector<std::size_t>{0, 1, 2, 3} : std::vector<std::size_t>{0})
            .backward();
        std::vector<double> totals(2, 1.0);
        reducer.finish_step(totals);
        if (scatters)
          CHECK(calls.take() == NotedCalls::Lines{"sum parts of " + small, "sum parts of " + large,
                                                  "sum parts of " + small, "sum Double [6]",
                                                  "wait " + small, "wait " + large, "wait " + small,
                                                  "wait Double [6]"});
        else
          CHECK(calls.take() == NotedCalls::Lines{"sum Float [30]", "sum Float [28]",
                                                  "sum Float [12]", "sum Double [6]",
                                                  "wait Float [30]", "wait Float [28]",
                                                  "wait Float [12]", "wait Double [6]"});
      }
      shards.gather();
      CHECK(calls.take() == NotedCalls::Lines{"gather parts of " + small,
                                              "gather parts of " + large,
                                              "gather parts of " + small, "wait " + small,
                                              "wait " + large, "wait " + small});
    }
}

}  // namespace
}  // namespace longspan
