#pragma once

#include <filesystem>
#include <string>

#include "longspan/core/error.h"
#include "longspan/core/json.h"

namespace longspan::interop {

/// config.json of one folder; every error names the file and the key.
class HuggingFaceConfig {
 public:
  explicit HuggingFaceConfig(const std::filesystem::path& folder)
      : file_((folder / "config.json").string()), json_(read_json(folder / "config.json")) {}

  template <class Value>
  Value get(const std::string& key) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) refuse(concat(key, " must be given"));
    return found->get<Value>();
  }
  template <class Value>
  Value get(const std::string& key, const Value& fallback) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? fallback : found->get<Value>();
  }
  Json section(const std::string& key) const { return json_.value(key, Json::object()); }

  /// Refuses a model unless the key is absent, null or has the one value that we can do.
  void demand(const Json& map, const std::string& key, const Json& wanted) const {
    const auto found = map.find(key);
    check(found == map.end() || found->is_null() || *found == wanted, ErrorKind::Data, file_, ": ",
          key, " must be ", wanted.dump(), " to be imported, got ",
          found == map.end() ? "" : found->dump());
  }
  void demand(const std::string& key, const Json& wanted) const { demand(json_, key, wanted); }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::Data, concat(file_, ": ", what));
  }

 private:
  std::string file_;
  Json json_;
};

/// Returns a number that YAML reads as no integer, with all digits.
std::string yaml_number(double value);

/// Refuses a number of heads that does not divide the width.
void check_heads(const HuggingFaceConfig& config, std::int64_t d_model, std::int64_t num_heads);

/// Returns the position section of a model that turns the halves of its heads. transformers 5
/// writes rope_parameters; before, the keys had the names given here.
std::string rotary_yaml(const HuggingFaceConfig& config, const std::string& base_key,
                        const std::string& fraction_key);

}  // namespace longspan::interop
