// Reads attention/<split>.json.
#include "report/reach.h"

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/core/json_reader.h"

namespace longspan::report {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReachFormat = "longspan.attention/1";
constexpr std::int64_t kMost = std::int64_t{1} << 62;

Head read_head(const Json& object, const std::string& source) {
  const JsonReader reader(object, source);
  Head head;
  head.layer = reader.integer("layer", {0, kMost});
  head.head = reader.integer("head", {0, kMost});
  head.mean_distance = reader.section("all_queries").number("mean_distance");
  if (reader.has("far_queries"))
    head.mass_beyond_trained = reader.section("far_queries").number("mass_beyond_trained");
  return head;
}

const Json& list_of(const Json& object, const char* key, const std::string& source) {
  const auto found = object.find(key);
  check(found != object.end() && found->is_array() && !found->empty(), ErrorKind::Data, source,
        ": ", key, " must be a list with at least one entry, got ",
        found == object.end() ? "none" : found->dump());
  return *found;
}

ReachAt read_length(const Json& object, const std::string& source) {
  ReachAt at{JsonReader(object, source).integer("length", {1, kMost}), {}};
  const Json& heads = list_of(object, "heads", source);
  for (std::size_t i = 0; i < heads.size(); ++i)
    at.heads.push_back(read_head(heads[i], concat(source, ": heads[", i, "]")));
  return at;
}

}  // namespace

Reach read_reach(const fs::path& file) {
  const Json document = read_json(file);
  const std::string source = file.string();
  const JsonReader reader(document, source);
  if (!reader.holds("format", kReachFormat))
    reader.refuse("format", concat('"', kReachFormat, '"'));
  Reach reach;
  reach.split = file.stem().string();
  reach.checkpoint_step = reader.integer("checkpoint_step", {0, kMost});
  reach.train_length = reader.integer("train_length", {1, kMost});
  for (const Json& change : document.value("position_overrides", Json::array()))
    reach.position_overrides +=
        concat(reach.position_overrides.empty() ? "" : "; ",
               change.is_string() ? change.get<std::string>() : change.dump());
  const Json& cells = list_of(document, "cells", source);
  for (std::size_t i = 0; i < cells.size(); ++i)
    reach.lengths.push_back(read_length(cells[i], concat(source, ": cells[", i, "]")));
  std::ranges::sort(reach.lengths, {}, &ReachAt::length);
  return reach;
}

}  // namespace longspan::report
