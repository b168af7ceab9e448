// evaluations/<split>.json: which file a text's results go to, cells found, replaced or added,
// written durably.

#include "longspan/evaluate/results.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/evaluation_format.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

// File systems allow 255 bytes, of which endings and temporary names take some.
constexpr std::size_t kMaxNameBytes = 150;
constexpr std::size_t kShortHash = 8;

// What a cell is a measurement of.
constexpr const char* kPlaceKeys[] = {"run",  "checkpoint_step", "train_length",      "length",
                                      "mode", "dtype",           "position_overrides"};
constexpr const char* kPairKeys[] = {"run",  "against", "checkpoint_step",   "length",
                                     "mode", "dtype",   "position_overrides"};
constexpr const char* kSourceKeys[] = {"model_hash", "targets_hash", "words", "bytes"};
constexpr const char* kNumberKeys[] = {"loss_nats",        "ppl",           "ppl_stderr",
                                       "word_ppl",         "bits_per_byte", "early_token_loss",
                                       "full_context_loss"};

Json read_results(const std::filesystem::path& file) {
  std::error_code failure;
  if (!std::filesystem::exists(file, failure))
    return {{"format", kEvaluationFormat}, {"cells", Json::array()}};
  Json results = read_json(file);
  const bool fits = results.is_object() && results.value("format", Json()) == kEvaluationFormat &&
                    results.contains("cells") && results["cells"].is_array();
  check(fits, ErrorKind::Data, file.string(), ": must hold evaluations of the format ",
        kEvaluationFormat,
        ", it holds something else; move it away or name another folder with --output");
  return results;
}

// JSON has no NaN and no infinity: the file says null, and so must what is compared with it.
Json with_nulls(Json cell) {
  for (auto& [key, value] : cell.items()) {
    if (value.is_number_float() && !std::isfinite(value.get<double>())) value = nullptr;
  }
  return cell;
}

Json value_of(const Json& cell, const char* key) {
  const bool listed = std::strcmp(key, "position_overrides") == 0;
  return cell.value(key, listed ? Json::array() : Json());
}

bool is_same(const Json& some, const Json& other, const char* key) {
  return value_of(some, key) == value_of(other, key);
}

bool is_in_same_place(const Json& old, const Json& cell) {
  return old.is_object() &&
         std::ranges::all_of(kPlaceKeys, [&](auto key) { return is_same(old, cell, key); });
}

// Returns a part of what a cell in the place of `key` must be of, or hold, and is not.
std::string failing_part(const Json& cell, const Json& key) {
  for (const char* part : kSourceKeys)
    if (!is_same(cell, key, part)) return part;
  for (const char* part : kNumberKeys)
    if (!cell.contains(part)) return part;
  return "";
}

// Older versions did not write down everything.
bool gives_way_to(const Json& old, const Json& cell) {
  const auto fits = [&](auto key) { return !old.contains(key) || is_same(old, cell, key); };
  return old.is_object() && std::ranges::all_of(kPlaceKeys, fits) &&
         std::ranges::all_of(kSourceKeys, fits);
}

bool holds_other_text(const std::filesystem::path& file, const std::string& targets_hash) {
  const Json results = read_results(file);
  return std::ranges::any_of(results["cells"], [&](const Json& cell) {
    return cell.is_object() && cell.value("targets_hash", Json(targets_hash)) != targets_hash;
  });
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

ResultsLock::ResultsLock(const std::filesystem::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  check(descriptor_ >= 0, ErrorKind::Io, folder.string(),
        ": cannot open the folder of results: ", std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;  // NFS has none
  log::info("waits for another evaluation to write", {{"folder", folder.string()}});
  while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) continue;
}

ResultsLock::~ResultsLock() { ::close(descriptor_); }

std::string results_name(const std::string& split) {
  const std::filesystem::path path(split);  // of a folder it may end with a slash
  std::string name = escaped((path.has_filename() ? path : path.parent_path()).stem().string());
  if (name.size() <= kMaxNameBytes) return name;
  std::size_t end = kMaxNameBytes;
  while ((static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;  // within a character
  return name.substr(0, end);
}

bool is_in_shards(const std::string& split) {
  return split == "valid" || split == "test" || split == "train";
}

std::filesystem::path results_file(const std::filesystem::path& folder, const std::string& split,
                                   const std::string& targets_hash) {
  const std::string name = results_name(split);
  const bool takes_splits_name = !is_in_shards(split) && is_in_shards(lower_case(name));
  const auto plain = folder / (name + ".json");
  if (!takes_splits_name && !holds_other_text(plain, targets_hash)) return plain;
  const auto with_hash = [&](std::size_t digits) {
    return folder / (name + "-" + targets_hash.substr(0, digits) + ".json");
  };
  const auto extended = with_hash(kShortHash);
  return holds_other_text(extended, targets_hash) ? with_hash(targets_hash.size()) : extended;
}

Json find_evaluation(const std::filesystem::path& file, const Json& key) {
  const Json results = read_results(file);
  std::string failing;
  for (const Json& cell : results["cells"]) {
    if (!is_in_same_place(cell, key)) continue;
    failing = failing_part(cell, key);
    if (failing.empty()) return cell;
  }
  if (!failing.empty())
    log::warn("a result is made again, another stands in its place",
              {{"file", file.string()},
               {"length", key["length"]},
               {"mode", key["mode"].get<std::string>()},
               {"differs_in", failing}});
  return nullptr;
}

void merge_evaluation(const std::filesystem::path& file, const std::vector<Json>& cells) {
  Json results = read_results(file);
  auto& kept = results["cells"].get_ref<Json::array_t&>();
  for (const Json& cell : cells) {
    const auto replaced = [&](const Json& old) { return gives_way_to(old, cell); };
    const auto found = std::find_if(kept.begin(), kept.end(), replaced);
    if (found == kept.end()) {
      kept.push_back(with_nulls(cell));
      continue;
    }
    kept.erase(std::remove_if(found + 1, kept.end(), replaced), kept.end());
    *found = with_nulls(cell);
  }
  if (file.has_parent_path()) make_folder(file.parent_path());
  write_json(file, results);
}

void merge_comparison(const std::filesystem::path& file, const Json& row) {
  Json results = read_results(file);
  if (!results.contains("comparisons") || !results["comparisons"].is_array())
    results["comparisons"] = Json::array();
  auto& kept = results["comparisons"].get_ref<Json::array_t&>();
  const auto replaced = [&](const Json& old) {
    return old.is_object() &&
           std::ranges::all_of(kPairKeys, [&](auto key) { return is_same(old, row, key); });
  };
  std::erase_if(kept, replaced);
  kept.push_back(with_nulls(row));
  write_json(file, results);
}

}  // namespace longspan
