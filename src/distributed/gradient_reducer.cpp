// Backward calls the hooks on one thread, the caller's on the CPU, else that of the device while
// the caller waits, so they need no lock.

#include "longspan/distributed/gradient_reducer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/distributed/buckets.h"

namespace longspan {
namespace {

struct Bucket {
  BucketLayout layout;
  at::Tensor gradients;  // flat, of the parameters' dtype
  at::Tensor wire;       // what travels: the gradients themselves, or a copy in another dtype
  std::int64_t missing = 0;
  std::unique_ptr<PendingCall> sum;
};

struct Slot {
  at::Tensor parameter;
  std::size_t bucket = 0;
  at::Tensor view;
  at::Tensor own;  // of the view, where parameters are sharded
  bool reached = false, final = false;
};

}  // namespace

struct GradientReducer::State {
  NamedTensors parameters;
  Communicator& communicator;
  GradientReducerOptions options;
  bool scatters = false;
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
    if (scatters) {
      for (const auto& layout : options.shards->layout()) add_bucket(layout);
      return;
    }
    std::vector<std::int64_t> bytes, elements;
    for (const Slot& slot : slots) {
      bytes.push_back(static_cast<std::int64_t>(slot.parameter.nbytes()));
      elements.push_back(slot.parameter.numel());
    }
    for (const auto& bucket : buckets_of(bytes, options.bucket_bytes))
      add_bucket(lay_out(bucket, elements));
  }

  void add_bucket(const BucketLayout& layout) {
    Bucket& bucket = buckets.emplace_back();
    bucket.layout = layout;
    const auto& first = slots[layout.tensors.front()].parameter;
    bucket.gradients = at::zeros({layout.elements}, first.options().requires_grad(false));
    bucket.wire =
        options.wire_dtype == first.scalar_type()
            ? bucket.gradients
            : at::zeros({layout.elements}, bucket.gradients.options().dtype(options.wire_dtype));
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
      const std::size_t number = layout.tensors[i];
      Slot& slot = slots[number];
      slot.bucket = buckets.size() - 1;
      slot.view = bucket.gradients.narrow(0, layout.offsets[i], slot.parameter.numel())
                      .view(slot.parameter.sizes());
      if (options.shards != nullptr) slot.own = options.shards->own_elements(number, slot.view);
    }
  }

  void reach(std::size_t number) {
    Slot& slot = slots[number];
    // Backward gets here without a gradient where a pass leaves it to the step's last.
    if (slot.parameter.grad().defined()) {
      if (!slot.reached) move_in(slot);
      slot.reached = true;
    }
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
    for (const std::size_t i : bucket.layout.tensors)
      if (!slots[i].reached) slots[i].view.zero_();
    if (!bucket.wire.is_same(bucket.gradients)) bucket.wire.copy_(bucket.gradients);
    bucket.sum = scatters ? communicator.start_part_sum(bucket.wire, span_of(number))
                          : communicator.start_all_reduce(bucket.wire, span_of(number));
  }

  std::function<void()> span_of(std::size_t bucket) const {
    if (timeline == nullptr) return {};
    return [target = timeline, bucket, begin = timeline->now()] {
      target->add(concat("bucket ", bucket), Timeline::Lane::Communication, begin, target->now());
    };
  }

  void receive(Bucket& bucket) {
    const at::NoGradGuard no_gradient;
    bucket.sum->wait();
    bucket.sum.reset();
    if (!bucket.wire.is_same(bucket.gradients))
      own_part(bucket.gradients).copy_(own_part(bucket.wire));
  }

  // What of a bucket has its sum here.
  at::Tensor own_part(const at::Tensor& bucket) const {
    if (!scatters) return bucket;
    const std::int64_t elements = bucket.numel() / communicator.world_size();
    return bucket.narrow(0, communicator.rank() * elements, elements);
  }

  void set_gradient(std::size_t number, bool is_summed) {
    Slot& slot = slots[number];
    slot.parameter.mutable_grad() = is_summed && !scatters ? slot.view : at::Tensor();
    if (options.shards != nullptr)
      options.shards->own()[number].tensor.mutable_grad() = is_summed ? slot.own : at::Tensor();
  }
};

GradientReducer::GradientReducer(const NamedTensors& parameters, Communicator& communicator,
                                 const GradientReducerOptions& options)
    : state_(new State{parameters, communicator, options, {}, {}, {}}) {
  state_->scatters =
      options.shards != nullptr && communicator.scatters_sums(parameters.front().tensor.device());
  for (const auto& [name, tensor] : parameters) state_->slots.push_back({tensor, 0, {}, {}});
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
    bucket.missing = static_cast<std::int64_t>(bucket.layout.tensors.size());
  for (std::size_t i = 0; i < state_->slots.size(); ++i) {
    state_->slots[i].reached = state_->slots[i].final = false;
    state_->set_gradient(i, false);
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
  for (std::size_t i = 0; i < count; ++i) state_->set_gradient(i, values[i] > 0.0);
  std::copy_n(values + count, totals.size(), totals.begin());
}

bool GradientReducer::scatters_sums() const { return state_->scatters; }

const NamedTensors& GradientReducer::summed() const {
  return state_->scatters ? state_->options.shards->own() : state_->parameters;
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
