// Buckets are filled with zeros first, so that the gaps in them never hold what is not a number.

#include "longspan/distributed/parameter_shards.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <memory>

namespace longspan {

ParameterShards::ParameterShards(const NamedTensors& parameters, Communicator& communicator,
                                 std::int64_t bucket_bytes)
    : parameters_(parameters), communicator_(communicator), places_(parameters.size()) {
  const at::NoGradGuard no_gradient;
  std::vector<std::int64_t> bytes, elements;
  for (const auto& [name, tensor] : parameters_) {
    bytes.push_back(static_cast<std::int64_t>(tensor.nbytes()));
    elements.push_back(tensor.numel());
  }
  const int ranks = communicator.world_size();
  for (const auto& bucket : buckets_of(bytes, bucket_bytes)) {
    const auto& layout = layout_.emplace_back(lay_out_in_parts(bucket, elements, ranks));
    const at::Tensor& memory = buckets_.emplace_back(at::zeros(
        {layout.elements}, parameters_[bucket.front()].tensor.options().requires_grad(false)));
    for (std::size_t i = 0; i < bucket.size(); ++i) {
      const std::size_t number = bucket[i];
      places_[number] = {buckets_.size() - 1, layout.offsets[i],
                         elements_in_part(layout.offsets[i], elements[number], communicator.rank(),
                                          layout.elements / ranks)};
      at::Tensor parameter = parameters_[number].tensor;
      const at::Tensor moved = whole(number, memory);
      moved.copy_(parameter);
      parameter.set_data(moved);
    }
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    own_.push_back({parameters_[i].name, own_elements(i, parameters_[i].tensor.detach())});
}

at::Tensor ParameterShards::own_elements(std::size_t number, const at::Tensor& tensor) const {
  const Part own = places_[number].own;
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(std::max<std::int64_t>(tensor.dim(), 1)),
                                  1);
  sizes.back() = own.size();
  return tensor.flatten().narrow(0, own.begin, own.size()).view(sizes);
}

at::Tensor ParameterShards::whole(std::size_t number, const at::Tensor& bucket) const {
  const at::Tensor& parameter = parameters_[number].tensor;
  return bucket.narrow(0, places_[number].offset, parameter.numel()).view(parameter.sizes());
}

void ParameterShards::gather() { gather_buckets(buckets_); }

void ParameterShards::gather_buckets(const std::vector<at::Tensor>& buckets) const {
  std::vector<std::unique_ptr<PendingCall>> calls;
  for (const auto& bucket : buckets) calls.push_back(communicator_.start_part_gather(bucket));
  for (const auto& call : calls) call->wait();
}

std::vector<at::Tensor> ParameterShards::gather(const std::vector<std::size_t>& numbers,
                                                const std::vector<at::Tensor>& own) const {
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> buckets(layout_.size()), result;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    at::Tensor& bucket = buckets[places_[numbers[i]].bucket];
    if (!bucket.defined())
      bucket = at::zeros({layout_[places_[numbers[i]].bucket].elements}, own[i].options());
    result.push_back(whole(numbers[i], bucket));
    own_elements(numbers[i], result.back()).copy_(own[i]);
  }
  std::erase_if(buckets, [](const at::Tensor& bucket) { return !bucket.defined(); });
  gather_buckets(buckets);
  return result;
}

}  // namespace longspan
