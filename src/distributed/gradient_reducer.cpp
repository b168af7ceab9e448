// Backward calls the hooks on one thread, the caller's on the CPU, else that of the device while
// the caller waits, so they need no lock.

#include "longspan/distributed/gradient_reducer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/distributed/buckets.h"

namespace longspan {
namespace {

struct Bucket {
  std::vector<std::size_t> parameters;
  at::Tensor gradients;  // flat, of the parameters' dtype
  at::Tensor wire;       // what travels: the gradients themselves, or a copy in another dtype
  std::int64_t missing = 0;
  std::unique_ptr<PendingReduction> reduction;
};

struct Slot {
  at::Tensor parameter;
  std::size_t bucket = 0;
  at::Tensor view;
  bool reached = false, final = false;
};

}  // namespace

struct GradientReducer::State {
  Communicator& communicator;
  GradientReducerOptions options;
  std::vector<Slot> slots;
  std::vector<Bucket> buckets;
  std::size_t next_bucket = 0;
  bool last_pass = false;
  Timeline* timeline = nullptr;

  struct Hook final : torch::autograd::PostAccumulateGradHook {
    Hook(State& the_state, std::size_t the_slot) : state(the_state), slot(the_slot) {}
    void operator()(const torch::autograd::Variable&) override { state.reach(slot); }
    State& state;
    std::size_t slot;
  };

  void fill_buckets() {
    std::vector<std::int64_t> sizes;
    for (const Slot& slot : slots)
      sizes.push_back(static_cast<std::int64_t>(slot.parameter.nbytes()));
    for (auto& parameters : buckets_of(sizes, options.bucket_bytes)) {
      for (const std::size_t i : parameters) slots[i].bucket = buckets.size();
      buckets.emplace_back();
      buckets.back().parameters = std::move(parameters);
      lay_out(buckets.back());
    }
  }

  void lay_out(Bucket& bucket) {
    std::int64_t elements = 0;
    for (const std::size_t i : bucket.parameters) elements += slots[i].parameter.numel();
    const auto& first = slots[bucket.parameters.front()].parameter;
    bucket.gradients = at::empty({elements}, first.options().requires_grad(false));
    bucket.wire = options.wire_dtype == first.scalar_type()
                      ? bucket.gradients
                      : at::empty({elements}, bucket.gradients.options().dtype(options.wire_dtype));
    std::int64_t offset = 0;
    for (const std::size_t i : bucket.parameters) {
      const auto& parameter = slots[i].parameter;
      slots[i].view = bucket.gradients.narrow(0, offset, parameter.numel()).view(parameter.sizes());
      offset += parameter.numel();
    }
  }

  void reach(std::size_t number) {
    Slot& slot = slots[number];
    if (!slot.reached) move_in(slot);
    slot.reached = true;
    if (!last_pass || slot.final) return;
    slot.final = true;
    --buckets[slot.bucket].missing;
    while (next_bucket < buckets.size() && buckets[next_bucket].missing == 0) send_next();
  }

  // The first pass makes a gradient of its own, which is copied while it is in cache; later passes
  // add to the copy. Zeros to add to would be two more ways through memory.
  static void move_in(Slot& slot) {
    const at::NoGradGuard no_gradient;
    slot.view.copy_(slot.parameter.grad());
    slot.parameter.mutable_grad() = slot.view;
  }

  void send_next() {
    const at::NoGradGuard no_gradient;
    const std::size_t number = next_bucket++;
    Bucket& bucket = buckets[number];
    for (const std::size_t i : bucket.parameters)
      if (!slots[i].reached) slots[i].view.zero_();
    if (!bucket.wire.is_same(bucket.gradients)) bucket.wire.copy_(bucket.gradients);
    bucket.reduction = communicator.start_all_reduce(bucket.wire, span_of(number));
  }

  std::function<void()> span_of(std::size_t bucket) const {
    if (timeline == nullptr) return {};
    return [target = timeline, bucket, begin = Timeline::Clock::now()] {
      target->add(concat("bucket ", bucket), Timeline::Lane::Communication, begin,
                  Timeline::Clock::now());
    };
  }

  void receive(Bucket& bucket) {
    const at::NoGradGuard no_gradient;
    bucket.reduction->wait();
    bucket.reduction.reset();
    if (!bucket.wire.is_same(bucket.gradients)) bucket.gradients.copy_(bucket.wire);
  }
};

GradientReducer::GradientReducer(const NamedTensors& parameters, Communicator& communicator,
                                 const GradientReducerOptions& options)
    : state_(new State{communicator, options, {}, {}}) {
  for (const auto& [name, tensor] : parameters) state_->slots.push_back({tensor, 0, {}});
  state_->fill_buckets();
  for (std::size_t i = 0; i < state_->slots.size(); ++i)
    torch::autograd::impl::set_post_acc_grad_hooks(state_->slots[i].parameter,
                                                   std::make_unique<State::Hook>(*state_, i));
}

GradientReducer::~GradientReducer() {
  for (Slot& slot : state_->slots)
    torch::autograd::impl::set_post_acc_grad_hooks(slot.parameter, nullptr);
}

void GradientReducer::begin_step(Timeline* timeline) {
  state_->timeline = timeline;
  state_->next_bucket = 0;
  state_->last_pass = false;
  for (Bucket& bucket : state_->buckets)
    bucket.missing = static_cast<std::int64_t>(bucket.parameters.size());
  for (Slot& slot : state_->slots) {
    slot.reached = slot.final = false;
    slot.parameter.mutable_grad().reset();
  }
}

void GradientReducer::expect_last_pass() { state_->last_pass = true; }

void GradientReducer::finish_step(std::vector<double>& totals) {
  while (state_->next_bucket < state_->buckets.size()) state_->send_next();
  const std::size_t count = state_->slots.size();
  at::Tensor sums = at::empty({static_cast<std::int64_t>(count + totals.size())}, at::kDouble);
  auto* values = sums.mutable_data_ptr<double>();
  for (std::size_t i = 0; i < count; ++i) values[i] = state_->slots[i].reached ? 1.0 : 0.0;
  std::ranges::copy(totals, values + count);
  const auto pending = state_->communicator.start_all_reduce(sums, {});
  for (Bucket& bucket : state_->buckets) state_->receive(bucket);
  pending->wait();
  for (std::size_t i = 0; i < count; ++i) {
    Slot& slot = state_->slots[i];
    slot.parameter.mutable_grad() = values[i] > 0.0 ? slot.view : at::Tensor();
  }
  std::copy_n(values + count, totals.size(), totals.begin());
}

std::int64_t GradientReducer::bytes_per_step() const {
  std::int64_t bytes = 0;
  for (const Bucket& bucket : state_->buckets)
    bytes += static_cast<std::int64_t>(bucket.wire.nbytes());
  return bytes;
}

std::int64_t GradientReducer::num_buckets() const {
  return static_cast<std::int64_t>(state_->buckets.size());
}

}  // namespace longspan
