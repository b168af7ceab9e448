// torch.save's two containers. Both are a pickle that refers to storages by key, and the raw
// little-endian elements of each storage.

#include "interop/torch_file.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "interop/zip.h"
#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

constexpr char kRebuildTensor[] = "torch._utils._rebuild_tensor_v2";
constexpr char kRebuildParameter[] = "torch._utils._rebuild_parameter";
constexpr std::string_view kOldMagic{"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10};
constexpr std::int64_t kOldProtocol = 1001;
constexpr std::size_t kMaxDimensions = 8;
// Tied tensors share a storage, so that tensors may be a few times as large as the file.
constexpr std::size_t kMaxGrowth = 4;

struct StorageType {
  std::string_view name;
  at::ScalarType dtype;
};
constexpr std::array<StorageType, 8> kStorageTypes{{{"torch.FloatStorage", at::kFloat},
                                                    {"torch.HalfStorage", at::kHalf},
                                                    {"torch.BFloat16Storage", at::kBFloat16},
                                                    {"torch.DoubleStorage", at::kDouble},
                                                    {"torch.LongStorage", at::kLong},
                                                    {"torch.IntStorage", at::kInt},
                                                    {"torch.ByteStorage", at::kByte},
                                                    {"torch.BoolStorage", at::kBool}}};

MappedFile map_file(const std::filesystem::path& path) {
  try {
    return MappedFile(path);
  } catch (const Error& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data, concat("a checkpoint must be readable: ", cause.what())));
  }
}

bool is_text(const PickleNode& node) { return node.kind == PickleKind::Text; }
bool is_count(const PickleNode& node) {
  return node.kind == PickleKind::Integer && node.integer >= 0;
}

// Old files carry keys as numbers at times.
std::optional<std::string> key_of(const PickleNode& node) {
  if (is_text(node)) return node.text;
  if (node.kind == PickleKind::Integer) return std::to_string(node.integer);
  return std::nullopt;
}

std::vector<std::int64_t> counts_of(const Pickle& pickle, const PickleNode& tuple, bool& ok) {
  std::vector<std::int64_t> counts;
  ok = ok && (tuple.kind == PickleKind::Tuple || tuple.kind == PickleKind::List) &&
       tuple.items.size() <= kMaxDimensions;
  if (!ok) return counts;
  for (const PickleId id : tuple.items) {
    ok = ok && is_count(pickle.node(id));
    counts.push_back(pickle.node(id).integer);
  }
  return counts;
}

// Returns the number of elements from the first to the last that a tensor touches; nothing when
// that is beyond `limit`, there are more elements than that, or there are none.
std::optional<std::int64_t> reach_of(const std::vector<std::int64_t>& sizes,
                                     const std::vector<std::int64_t>& strides, std::int64_t limit) {
  std::int64_t count = 1, last = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 || count > limit / sizes[i]) return std::nullopt;
    count *= sizes[i];
    if (sizes[i] > 1 && strides[i] > (limit - last) / (sizes[i] - 1)) return std::nullopt;
    last += strides[i] * (sizes[i] - 1);
  }
  return last < limit ? std::optional(last + 1) : std::nullopt;
}

}  // namespace

TorchFile::TorchFile(const std::filesystem::path& path)
    : source_(path.string()), file_(map_file(path)) {
  const std::string_view bytes = file_.text();
  if (bytes.starts_with("PK\x03\x04")) {
    open_zip();
    return;
  }
  check(bytes.starts_with('\x80'), ErrorKind::Data, source_,
        ": byte 0: must be a PyTorch checkpoint, which begins with a zip archive's or a pickle's "
        "mark, got ",
        bytes.empty() ? "an empty file" : "another file's");
  open_old();
}

void TorchFile::open_zip() {
  const auto entries = read_zip(file_.text(), source_);
  constexpr std::string_view kPickle = "/data.pkl";
  std::string prefix;
  for (const auto& [name, content] : entries) {
    if (!name.ends_with(kPickle)) continue;
    check(prefix.empty(), ErrorKind::Data, source_, ": must hold one data.pkl, got two");
    prefix = name.substr(0, name.size() - kPickle.size() + 1);
  }
  check(!prefix.empty(), ErrorKind::Data, source_,
        ": must be a PyTorch checkpoint, the archive has no data.pkl");
  const auto order = entries.find(prefix + "byteorder");
  check(order == entries.end() || order->second == "little", ErrorKind::Data, source_,
        ": byteorder must be little");
  for (const auto& [name, content] : entries)
    if (name.starts_with(prefix + "data/")) storages_[name.substr(prefix.size() + 5)] = content;
  pickle_ = std::make_unique<Pickle>(
      Pickle::read(entries.at(prefix + "data.pkl"), source_ + ": data.pkl"));
}

Pickle TorchFile::old_part(std::size_t begin, const char* what) const {
  check(begin < file_.text().size(), ErrorKind::Data, source_, ": byte ", begin, ": ", what,
        " must follow, the file ends; it is truncated");
  return Pickle::read(file_.text(), source_, begin);
}

void TorchFile::open_old() {
  const auto root = [](const Pickle& pickle) -> const PickleNode& {
    return pickle.node(pickle.root());
  };
  const Pickle magic = old_part(0, "the magic number");
  check(root(magic).kind == PickleKind::BigInteger && root(magic).text == kOldMagic,
        ErrorKind::Data, source_, ": byte 0: must begin with PyTorch's magic number, got ",
        Pickle::describe(root(magic)));
  const Pickle protocol = old_part(magic.end(), "the protocol number");
  check(root(protocol).kind == PickleKind::Integer && root(protocol).integer == kOldProtocol,
        ErrorKind::Data, source_, ": byte ", magic.end(), ": the protocol must be ", kOldProtocol,
        ", got ", Pickle::describe(root(protocol)));
  const Pickle system = old_part(protocol.end(), "a description of the system");
  const PickleNode* little = system.find(root(system), "little_endian");
  check(little != nullptr && little->kind == PickleKind::Bool && little->integer != 0,
        ErrorKind::Data, source_, ": byte ", protocol.end(), ": little_endian must be True");
  pickle_ = std::make_unique<Pickle>(old_part(system.end(), "the object"));
  read_old_storages(old_part(pickle_->end(), "the list of storages"));
}

std::map<std::string, at::ScalarType> TorchFile::old_storage_types() const {
  std::map<std::string, at::ScalarType> types;
  for (const PickleNode& node : pickle_->nodes()) {
    if (node.kind != PickleKind::Persistent) continue;
    const Storage storage = storage_of(node, "a tensor");
    const auto [place, is_new] = types.emplace(storage.key, storage.dtype);
    check(is_new || place->second == storage.dtype, ErrorKind::Data, source_,
          ": a storage must have one type, got two for one key");
  }
  return types;
}

void TorchFile::read_old_storages(const Pickle& keys) {
  const auto types = old_storage_types();
  const PickleNode& list = keys.node(keys.root());
  check(list.kind == PickleKind::List, ErrorKind::Data, source_, ": byte ", pickle_->end(),
        ": must be the list of storages, got ", Pickle::describe(list));
  const std::string_view bytes = file_.text();
  std::size_t at = keys.end();
  for (const PickleId id : list.items) {
    const auto key = key_of(keys.node(id));
    const auto type = key ? types.find(*key) : types.end();
    check(type != types.end(), ErrorKind::Data, source_, ": byte ", at,
          ": a storage must be used by a tensor, got key ", Pickle::describe(keys.node(id)));
    std::int64_t count = 0;
    check(bytes.size() - at >= sizeof count, ErrorKind::Data, source_, ": byte ", at,
          ": a storage must follow, the file ends; it is truncated");
    std::memcpy(&count, bytes.data() + at, sizeof count);
    at += sizeof count;
    const std::size_t element = c10::elementSize(type->second);
    check(count >= 0 && static_cast<std::uint64_t>(count) <= (bytes.size() - at) / element,
          ErrorKind::Data, source_, ": byte ", at - sizeof count,
          ": a storage must lie within the file, got ", count, " elements");
    const std::size_t size = static_cast<std::size_t>(count) * element;
    storages_[*key] = bytes.substr(at, size);
    at += size;
  }
}

bool TorchFile::is_tensor(const PickleNode& value) const {
  return value.kind == PickleKind::Object &&
         (value.text == kRebuildTensor || value.text == kRebuildParameter);
}

// A reference is ("storage", class, key, device, number of elements), in old files followed by None
// or (key of the view, first element, number of elements).
TorchFile::Storage TorchFile::storage_of(const PickleNode& reference,
                                         const std::string& name) const {
  Storage result;
  bool ok = reference.kind == PickleKind::Persistent;
  std::vector<const PickleNode*> parts;
  if (ok)
    for (const PickleId id : pickle_->node(reference.items[0]).items)
      parts.push_back(&pickle_->node(id));
  ok = ok && (parts.size() == 5 || parts.size() == 6) && is_text(*parts[0]) &&
       parts[0]->text == "storage" && parts[1]->kind == PickleKind::Class && key_of(*parts[2]) &&
       is_count(*parts[4]);
  check(ok, ErrorKind::Data, source_, ": ", name, " must refer to a storage, got ",
        Pickle::describe(reference));
  for (const StorageType& type : kStorageTypes) {
    if (type.name != parts[1]->text) continue;
    result = {type.dtype, parts[4]->integer, *key_of(*parts[2]), 0};
    if (parts.size() == 5 || parts[5]->kind == PickleKind::None) return result;
    const auto& view = parts[5]->items;
    check(parts[5]->kind == PickleKind::Tuple && view.size() == 3 &&
              is_count(pickle_->node(view[1])) && is_count(pickle_->node(view[2])),
          ErrorKind::Data, source_, ": ", name, ": the view of a storage is malformed");
    result.view_begin = pickle_->node(view[1]).integer;
    return result;
  }
  throw Error(ErrorKind::Data,
              concat(source_, ": ", name,
                     " must be Float, Half, BFloat16, Double, Long, Int, Byte or Bool, got ",
                     parts[1]->text));
}

std::string_view TorchFile::bytes_of(const Storage& storage, const std::string& name) const {
  const auto found = storages_.find(storage.key);
  check(found != storages_.end(), ErrorKind::Data, source_, ": ", name,
        ": its storage must be in the file, it is not there");
  const std::size_t element = c10::elementSize(storage.dtype);
  const auto count = static_cast<std::uint64_t>(storage.num_elements);
  check(found->second.size() % element == 0 && found->second.size() / element == count,
        ErrorKind::Data, source_, ": ", name, ": its storage must have ", count, " elements of ",
        element, " bytes, got ", found->second.size(), " bytes");
  const auto begin = static_cast<std::uint64_t>(storage.view_begin);
  check(begin <= count, ErrorKind::Data, source_, ": ", name,
        ": a view must lie in its storage of ", count, " elements, got first element ", begin);
  return found->second.substr(static_cast<std::size_t>(begin) * element);
}

std::vector<std::int64_t> TorchFile::sizes(const PickleNode& value, const std::string& name) const {
  return place_of(value, name).sizes;
}

at::Tensor TorchFile::tensor(const PickleNode& value, const std::string& name) {
  return copy_out(place_of(value, name), name);
}

// The arguments are storage, offset, sizes, strides, and more that is of no use here; of a
// parameter, a tensor and more.
TorchFile::Place TorchFile::place_of(const PickleNode& value, const std::string& name) const {
  check(is_tensor(value), ErrorKind::Data, source_, ": ", name, " must be a tensor, got ",
        Pickle::describe(value));
  const auto& arguments = pickle_->node(value.items[0]).items;
  if (value.text == kRebuildParameter) {
    const bool wraps = !arguments.empty() && pickle_->node(arguments[0]).text == kRebuildTensor;
    check(wraps, ErrorKind::Data, source_, ": ", name, " must wrap a tensor as a parameter");
    return place_of(pickle_->node(arguments[0]), name);
  }
  Place place;
  bool ok = arguments.size() >= 4 && is_count(pickle_->node(arguments[1]));
  if (ok) {
    place.offset = pickle_->node(arguments[1]).integer;
    place.sizes = counts_of(*pickle_, pickle_->node(arguments[2]), ok);
    place.strides = counts_of(*pickle_, pickle_->node(arguments[3]), ok);
  }
  check(ok && place.sizes.size() == place.strides.size(), ErrorKind::Data, source_, ": ", name,
        ": a tensor must have a storage, an offset, sizes and strides of at least 0");
  place.storage = storage_of(pickle_->node(arguments[0]), name);
  return place;
}

at::Tensor TorchFile::copy_out(const Place& place, const std::string& name) {
  const std::string_view bytes = bytes_of(place.storage, name);
  const std::size_t element = c10::elementSize(place.storage.dtype);
  const auto num_elements = static_cast<std::int64_t>(bytes.size() / element);
  const auto reach = place.offset <= num_elements
                         ? reach_of(place.sizes, place.strides, num_elements - place.offset)
                         : std::nullopt;
  check(reach.has_value(), ErrorKind::Data, source_, ": ", name,
        " must have elements and lie within its storage of ", num_elements, ", got sizes ",
        c10::IntArrayRef(place.sizes), ", strides ", c10::IntArrayRef(place.strides), ", offset ",
        place.offset);
  const std::size_t size = static_cast<std::size_t>(*reach) * element;
  // A stride of 0 makes many elements of one.
  const auto count = static_cast<std::size_t>(c10::multiply_integers(place.sizes));
  copied_bytes_ += std::max(size, count * element);
  check(copied_bytes_ <= kMaxGrowth * file_.text().size(), ErrorKind::Data, source_,
        ": the tensors must not have more than ", kMaxGrowth, " times the bytes of the file");
  at::Tensor region = at::empty({*reach}, place.storage.dtype);
  std::memcpy(region.mutable_data_ptr(),
              bytes.data() + static_cast<std::size_t>(place.offset) * element, size);
  return region.as_strided(place.sizes, place.strides).contiguous();
}

}  // namespace longspan::interop
