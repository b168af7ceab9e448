// The schema of a run's configuration against the reader of one, both ways.

#include "longspan/run/config_schema.h"

#include <set>

#include "longspan/config/leaves.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/run/run_config.h"
#include "support/json_schema.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::json_of_yaml;
using testing::violation;

const Json& schema() {
  static const Json kSchema = run_config_schema();
  return kSchema;
}

std::vector<fs::path> configs() {
  std::vector<fs::path> paths;
  for (const char* folder : {"configs", "configs/tests"})
    for (const auto& entry : fs::directory_iterator(testing::source_folder() / folder))
      if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  return paths;
}

config::Document document(const fs::path& path, const std::vector<std::string>& overrides = {}) {
  return config::Document::from_file(path, overrides);
}

std::string resolved(const std::vector<std::string>& overrides) {
  const auto tiny = testing::source_folder() / "configs/tests/tiny.yaml";
  return read_run_config(document(tiny, overrides)).resolved;
}

bool is_read(const std::vector<std::string>& overrides) {
  try {
    resolved(overrides);
    return true;
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return false;
  }
}

Json with(Json document, const std::string& key, const Json& value) {
  std::string pointer = "/" + key;
  for (char& c : pointer)
    if (c == '.') c = '/';
  document[Json::json_pointer(pointer)] = value;
  return document;
}

/// A key of a section with one schema, and its path.
struct Key {
  std::string path;
  Json schema;
};

std::vector<Key> keys_of(const Json& map, const std::string& prefix = "") {
  std::vector<Key> keys;
  for (const auto& [name, value] : map.at("properties").items()) {
    if (value.value("type", Json()) == "object") {
      const auto inner = keys_of(value, prefix + name + ".");
      keys.insert(keys.end(), inner.begin(), inner.end());
    } else {
      keys.push_back({prefix + name, value});
    }
  }
  return keys;
}

TEST_CASE("the schema in configs is the reader's") {
  const auto shipped = read_file(testing::source_folder() / "configs/run.schema.json");
  CHECK(shipped == schema().dump(2) + "\n");
}

TEST_CASE("every configuration names the schema to an editor") {
  for (const auto& path : configs())
    CHECK(testing::schema_named_by(path) == testing::source_folder() / "configs/run.schema.json");
}

TEST_CASE("every configuration and what it resolves to is valid") {
  REQUIRE(configs().size() >= 10);
  for (const auto& path : configs()) {
    CAPTURE(path);
    CHECK(violation(schema(), json_of_yaml(read_file(path))).value_or("") == "");
    const auto config = read_run_config(document(path));
    CHECK(violation(schema(), json_of_yaml(config.resolved)).value_or("") == "");
  }
}

TEST_CASE("the resolved text of each kind is valid") {
  std::vector<std::vector<std::string>> all;
  for (const auto& kind : position_kinds()) all.push_back({"position={kind: " + kind + "}"});
  for (const auto& kind : optimizer_kinds()) all.push_back({"optimizer={kind: " + kind + "}"});
  for (const char* kind : {"cosine", "linear", "inverse_sqrt", "constant"})
    all.push_back({concat("schedule={kind: ", kind, ", peak_lr: 7, warmup_steps: 3}")});
  for (const char* tokenizer :
       {"{kind: bytes}", "{kind: word}", "{kind: sentencepiece, vocab_size: 400}",
        "{kind: sentencepiece, vocab_size: 400, character_coverage: 0.99}",
        "{kind: sentencepiece, model: a.model, unit: document}"})
    all.push_back({concat("data.tokenizer=", tokenizer)});
  all.push_back({"data.tokenizer={kind: ids, vocab_size: 9}", "data.train={tokens: a.bin}"});
  all.push_back(
      {"data.train=[{weight: 0.5, source: a.txt}, {weight: 2, source: {tokens: b.bin}}]"});
  all.push_back({"model.embedding={kind: adaptive, cutoffs: [10, 20]}"});
  all.push_back({"model.init={from: a.safetensors}"});
  all.push_back({"train.precision=fp16", "train.loss_scale={init: 64, window: 5}"});
  all.push_back({"train.guard={spike: skip, max_skips: 3, spike_factor: 2}"});
  all.push_back({"validate.sample={prompt: a, max_tokens: 3}", "log.layer_norms=true",
                 "log.activation_max=true", "log.mfu=true"});
  for (const auto& overrides : all) {
    CAPTURE(overrides);
    CHECK(violation(schema(), json_of_yaml(resolved(overrides))).value_or("") == "");
  }
}

TEST_CASE("a key of another kind or section is neither read nor valid") {
  const Json tiny = json_of_yaml(resolved({}));
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Json>>{{"position.num_buckets", 4},
                                                 {"position.base", 4},
                                                 {"optimizer.beta3", 0.5},
                                                 {"schedule.warmup", 3},
                                                 {"data.tokenizer.vocab_size", 400},
                                                 {"model.layers", 2},
                                                 {"steps", 2},
                                                 {"validate.every", 2},
                                                 {"validate.sample.tokens", 2}}) {
    CAPTURE(key);
    CHECK_FALSE(is_read({concat(key, "=", value)}));
    CHECK(violation(schema(), with(tiny, key, value)));
  }
}

TEST_CASE("what the schema's ranges exclude, the reader refuses") {
  const Json tiny = json_of_yaml(resolved({}));
  std::set<std::string> tried;
  for (const auto& [key, value] : keys_of(schema()))
    for (const auto& [bound, step] :
         {std::pair("minimum", -1.0), std::pair("maximum", 1.0), std::pair("exclusiveMinimum", 0.0),
          std::pair("exclusiveMaximum", 0.0)}) {
      if (!value.contains(bound) || value.at(bound).get<double>() >= 1e15) continue;
      const bool whole = value.at("type") == "integer";
      const Json outside =
          whole
              ? Json(value.at(bound).get<std::int64_t>() + static_cast<std::int64_t>(step))
              : Json(value.at(bound).get<double>() * (step > 0 ? 2.0 : 1.0) + std::min(step, 0.0));
      const Json inside = value.value("default", Json());
      if (!inside.is_null() && !is_read({concat(key, "=", inside)})) continue;  // of another kind
      CAPTURE(key, bound, outside);
      CHECK_FALSE(is_read({concat(key, "=", outside)}));
      CHECK(violation(schema(), with(tiny, key, outside)));
      tried.insert(key);
    }
  CHECK(tried.size() >= 30);
}

TEST_CASE("the schema's defaults are the reader's") {
  std::set<std::string> seen;
  for (const auto& path : configs()) {
    CAPTURE(path);
    const Json given = json_of_yaml(read_file(path));
    const Json all = json_of_yaml(read_run_config(document(path)).resolved);
    for (const auto& [key, value] : keys_of(schema())) {
      std::string pointer = "/" + key;
      for (char& c : pointer)
        if (c == '.') c = '/';
      const Json::json_pointer place(pointer);
      if (given.contains(place) || !all.contains(place) || !value.contains("default")) continue;
      CAPTURE(key);
      CHECK(all.at(place) == value.at("default"));
      seen.insert(key);
    }
  }
  CHECK(seen.size() >= 40);
}

}  // namespace
}  // namespace longspan
