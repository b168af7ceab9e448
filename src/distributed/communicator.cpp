// What ranks say to each other beyond single tensors: texts, and whether their tensors are equal.

#include "longspan/distributed/communicator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <span>

#include "longspan/core/error.h"
#include "longspan/core/hash.h"

namespace longspan {
namespace {

at::Tensor bytes_tensor(const std::string& text, std::int64_t size) {
  at::Tensor tensor = at::zeros({size}, at::kByte);
  std::ranges::copy(text, static_cast<char*>(tensor.mutable_data_ptr()));
  return tensor;
}

std::string text_of_bytes(const at::Tensor& tensor, std::int64_t size) {
  return {static_cast<const char*>(tensor.const_data_ptr()), static_cast<std::size_t>(size)};
}

at::Tensor number_tensor(std::int64_t value) {
  at::Tensor tensor = at::empty({1}, at::kLong);
  *tensor.mutable_data_ptr<std::int64_t>() = value;
  return tensor;
}

// Half of a 128-bit digest.
std::int64_t checksum_of(const at::Tensor& tensor) {
  const at::Tensor here = tensor.detach().to(at::kCPU).contiguous();
  Hasher hasher;
  hasher.update(std::span(static_cast<const std::byte*>(here.const_data_ptr()), here.nbytes()));
  return static_cast<std::int64_t>(std::stoull(hasher.digest().substr(0, 16), nullptr, 16));
}

}  // namespace

std::string Communicator::broadcast_text(const std::string& text) {
  at::Tensor size = number_tensor(static_cast<std::int64_t>(text.size()));
  broadcast(size, 0);
  const auto count = size.item<std::int64_t>();
  at::Tensor bytes = leads() ? bytes_tensor(text, count) : at::zeros({count}, at::kByte);
  if (count > 0) broadcast(bytes, 0);
  return text_of_bytes(bytes, count);
}

std::vector<std::string> Communicator::all_gather_texts(const std::string& text) {
  const auto sizes = all_gather(number_tensor(static_cast<std::int64_t>(text.size())));
  std::int64_t longest = 1;
  for (const auto& size : sizes) longest = std::max(longest, size.item<std::int64_t>());
  const auto texts = all_gather(bytes_tensor(text, longest));
  std::vector<std::string> result;
  for (std::size_t i = 0; i < texts.size(); ++i)
    result.push_back(text_of_bytes(texts[i], sizes[i].item<std::int64_t>()));
  return result;
}

void check_equal(Communicator& communicator, const std::vector<std::string>& names,
                 const std::vector<at::Tensor>& tensors) {
  if (communicator.is_alone() || tensors.empty()) return;
  at::Tensor sums = at::empty({static_cast<std::int64_t>(tensors.size())}, at::kLong);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    sums.mutable_data_ptr<std::int64_t>()[i] = checksum_of(tensors[i]);
  const auto all = communicator.all_gather(sums);
  for (std::size_t rank = 1; rank < all.size(); ++rank)
    for (std::size_t i = 0; i < tensors.size(); ++i)
      check(all[rank].const_data_ptr<std::int64_t>()[i] == all[0].const_data_ptr<std::int64_t>()[i],
            ErrorKind::Distributed, names[i],
            " must be equal on all ranks, it differs between rank ", rank,
            " and rank 0; resume from the last checkpoint, on other hardware if it happens "
            "again");
}

}  // namespace longspan
