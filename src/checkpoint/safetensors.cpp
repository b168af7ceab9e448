// Tensors to and from safetensors files.

#include "longspan/checkpoint/safetensors.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "checkpoint/blame.h"
#include "checkpoint/hashing_writer.h"
#include "checkpoint/safetensors_header.h"
#include "checkpoint/tensor_file.h"
#include "longspan/core/files.h"
#include "longspan/core/progress.h"

namespace longspan {

static_assert(std::endian::native == std::endian::little, "the format's numbers are little-endian");

namespace checkpoint {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 24;

std::vector<TensorEntry> place_tensors(const NamedTensors& tensors) {
  std::vector<TensorEntry> entries;
  std::uint64_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::uint64_t bytes = static_cast<std::uint64_t>(tensor.numel()) * tensor.element_size();
    const std::uint64_t begin = std::exchange(end, end + bytes);
    entries.push_back({name, tensor.scalar_type(), tensor.sizes().vec(), begin, end});
  }
  return entries;
}

at::Tensor copy_out(const TensorEntry& entry, std::span<const std::byte> bytes,
                    const std::string& source) {
  if (entry.dtype == at::kBool) {
    const bool clean =
        std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; });
    check(clean, ErrorKind::Checkpoint, source, ": tensor ", entry.name,
          ": bytes of BOOL must be 0 or 1", kDamagedRemedy);
  }
  at::Tensor tensor = at::empty(entry.shape, entry.dtype);
  if (!bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

}  // namespace

ManifestFile write_tensor_file(const std::filesystem::path& path, const std::string& name,
                               const NamedTensors& tensors,
                               const std::map<std::string, std::string>& metadata,
                               const std::function<void(std::int64_t)>& when_written) {
  const std::string header = format_header(place_tensors(tensors), metadata);
  HashingWriter writer(path);
  writer.write(header);
  for (const auto& entry : tensors) {
    const at::Tensor tensor = entry.tensor.detach().to(at::kCPU).contiguous();
    writer.write({static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()});
    if (when_written) when_written(static_cast<std::int64_t>(tensor.nbytes()));
  }
  return writer.close(name);
}

NamedTensors read_tensor_bytes(std::span<const std::byte> file, const std::string& source) {
  const Header header = parse_header(file, source);
  NamedTensors tensors;
  for (const TensorEntry& entry : header.entries) {
    const auto bytes = file.subspan(header.data_begin + entry.begin, entry.end - entry.begin);
    tensors.push_back({entry.name, copy_out(entry, bytes, source)});
  }
  return tensors;
}

}  // namespace checkpoint

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  checkpoint::blaming_checkpoint(
      [&] { checkpoint::write_tensor_file(path, path.filename().string(), tensors, metadata); });
}

NamedTensors read_safetensors(const std::filesystem::path& path) {
  return checkpoint::blaming_checkpoint([&] {
    const MappedFile file(path);
    const std::size_t size = file.bytes().size();
    ByteProgress progress(concat("read ", path.filename().string()),
                          static_cast<std::int64_t>(size));
    for (std::size_t begin = 0; begin < size; begin += checkpoint::kPieceBytes) {
      const std::size_t count = std::min(checkpoint::kPieceBytes, size - begin);
      file.load(begin, count);
      progress.add(static_cast<std::int64_t>(count));
    }
    return checkpoint::read_tensor_bytes(file.bytes(), path.string());
  });
}

}  // namespace longspan
