// Start values by counting: a tensor is cut into chunks with a stream of numbers each, so the
// values depend neither on threads nor on which other tensors exist.

#include <ATen/Parallel.h>

#include <algorithm>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/random.h"
#include "model/parameter_list.h"

namespace longspan {
namespace {

constexpr std::int64_t kChunk = 1 << 14;

double draw(RandomStream& stream, const Start& start) {
  switch (start.kind) {
    case Start::Kind::Constant:
      return start.value;
    case Start::Kind::Normal:
      return start.mean + start.value * stream.normal();
    case Start::Kind::Uniform:
      return start.value * (2.0 * stream.uniform() - 1.0);
  }
  unreachable();
}

void fill_one(const NamedTensor& parameter, const Start& start, std::uint64_t seed) {
  const std::int64_t size = parameter.tensor.numel();
  const std::uint64_t index = stable_hash(parameter.name);
  float* const values = parameter.tensor.mutable_data_ptr<float>();
  at::parallel_for(0, ceil_divide(size, kChunk), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      RandomStream stream(seed, RandomPurpose::Initialization, index,
                          static_cast<std::uint64_t>(chunk));
      for (std::int64_t i = chunk * kChunk; i < std::min((chunk + 1) * kChunk, size); ++i)
        values[i] = static_cast<float>(draw(stream, start));
    }
  });
  if (start.zero_row < 0 || start.zero_row >= parameter.tensor.size(0)) return;
  const std::int64_t width = size / parameter.tensor.size(0);
  std::fill_n(values + start.zero_row * width, width, 0.0f);
}

}  // namespace

void fill(const ParameterList& parameters, std::uint64_t seed) {
  for (std::size_t i = 0; i < parameters.tensors().size(); ++i)
    fill_one(parameters.tensors()[i], parameters.starts()[i], seed);
}

}  // namespace longspan
