// The tensors of a fairseq checkpoint by name.

#include "interop/fairseq_state.h"

#include <algorithm>
#include <limits>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

// Sizes are added and multiplied before any memory stands behind them.
constexpr std::int64_t kMaxSize = std::numeric_limits<std::int32_t>::max();

// Version marks, and buffers that fairseq keeps for their type alone; their memory is never set.
bool is_ballast(const std::string& name) {
  return name.ends_with("._float_tensor") || name.ends_with(".version");
}

}  // namespace

StateDict::StateDict(TorchFile& file) : file_(file) {
  const PickleNode* model = file.pickle().find(file.root(), "model");
  check(model != nullptr && model->kind == PickleKind::Dict, ErrorKind::Data, file.source(),
        ": must be a fairseq checkpoint, with a state dict under 'model'");
  for (std::size_t i = 0; i + 1 < model->items.size(); i += 2) {
    const PickleNode& key = file.pickle().node(model->items[i]);
    check(key.kind == PickleKind::Text, ErrorKind::Data, file.source(),
          ": a tensor's name must be a text, got ", Pickle::describe(key));
    entries_[key.text] = &file.pickle().node(model->items[i + 1]);
  }
}

const PickleNode& StateDict::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  check(found != entries_.end(), ErrorKind::Data, place(), ": must hold a tensor ", name,
        ", it has none");
  return *found->second;
}

at::Tensor StateDict::take(const std::string& name, at::IntArrayRef sizes) {
  const at::Tensor tensor = file_.tensor(entry(name), name);
  check(tensor.sizes() == sizes && tensor.is_floating_point(), ErrorKind::Data, place(), ": ", name,
        " must be a tensor of numbers ", sizes, ", got ", tensor.sizes(), " of ",
        tensor.scalar_type());
  entries_.erase(name);
  return tensor.to(at::kFloat);
}

std::vector<std::int64_t> StateDict::sizes(const std::string& name, std::size_t dimensions) const {
  const std::vector<std::int64_t> sizes = file_.sizes(entry(name), name);
  const bool fits = sizes.size() == dimensions &&
                    std::ranges::all_of(sizes, [](auto size) { return size <= kMaxSize; });
  check(fits, ErrorKind::Data, place(), ": ", name, " must be a tensor with ", dimensions,
        " dimensions of at most ", kMaxSize, ", got ", at::IntArrayRef(sizes));
  return sizes;
}

void StateDict::finish() const {
  for (const auto& [name, value] : entries_)
    check(is_ballast(name), ErrorKind::Data, place(),
          ": must hold no tensors beyond those of a decoder-only transformer, got ", name,
          "; this program's model has no such part");
}

}  // namespace longspan::interop
