// Every key of config.json that an architecture reads, with values of every type and size: the
// import is one that a run can be made of, or one error of the data that names the file.

#include <algorithm>
#include <limits>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/interop/imported_run.h"
#include "longspan/run/run_config.h"
#include "unit/interop/huggingface_folder.h"

namespace longspan {
namespace {

using testing::HuggingFaceFolder;

const std::vector<Json>& values() {
  static const std::vector<Json> kValues{nullptr,
                                         true,
                                         false,
                                         "",
                                         "2",
                                         "default",
                                         Json::array(),
                                         Json::array({1, 2}),
                                         Json::object(),
                                         Json{{"a", Json{{"b", Json::array({nullptr})}}}},
                                         -1,
                                         0,
                                         1,
                                         2,
                                         3,
                                         64,
                                         4096,
                                         std::int64_t{1} << 31,
                                         std::numeric_limits<std::int64_t>::min(),
                                         std::numeric_limits<std::uint64_t>::max(),
                                         0.0,
                                         -0.5,
                                         1e-320,
                                         0.5,
                                         1.5,
                                         1e308};
  return kValues;
}

Json with(Json config, const std::string& path, const Json& value) {
  std::string pointer = "/" + path;
  std::ranges::replace(pointer, '.', '/');
  config[Json::json_pointer(pointer)] = value;
  return config;
}

// A run can be made of what was imported: its configuration is one, and the weights are the
// model's.
void check_whole(const PortableModel& model) {
  const std::string tokenizer = concat("{kind: ids, vocab_size: ", model.vocab_size, "}");
  const RunConfig config = read_run_config(config::Document::from_text(
      imported_config(model, "name", tokenizer), "the imported configuration"));
  make_unset_model(config, model.vocab_size).load_parameters(model.parameters);
}

// Returns the path in front of "must", which may be that of another key where numbers do not go
// together.
std::string blamed(const std::string& text, const std::string& file) {
  if (!text.starts_with(file + ": ")) return "no file";
  const std::string rest = text.substr(file.size() + 2);
  return rest.substr(0, rest.find(" must be "));
}

void check_import(const HuggingFaceFolder& folder, const JsonReader& reader,
                  const std::string& path, const Json& value, const Json& config) {
  const auto file = (folder.path() / "config.json").string();
  write_json(file, config);
  PortableModel model;
  try {
    model = import_huggingface(folder.path());
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(error.kind() == ErrorKind::Data);
    CHECK(text.find('\n') == std::string::npos);
    // A size that the weights do not have, and a bias that they have beyond, is told by the tensor.
    if (text.find("the tensor ") != std::string::npos) return;
    if (text.find("must hold no tensors beyond the model's") != std::string::npos) return;
    const std::string key = blamed(text, file);
    INFO(text);
    CHECK((key == path || key.starts_with(path + ".") ||
           (!value.is_string() && !value.is_structured() && reader.asked().contains(key))));
    return;
  }
  check_whole(model);
}

TEST_CASE("huggingface config: any value of any key is imported whole or refused by name") {
  for (const auto* architecture : interop::kArchitectures) {
    const Json tiny = testing::tiny_config(std::string(architecture->model_type));
    Json bare{{"model_type", architecture->model_type}};
    if (tiny.contains("attn_config")) bare["attn_config"] = tiny["attn_config"];
    const HuggingFaceFolder folder(tiny);
    const JsonReader reader(tiny, "config.json");
    architecture->read(reader);
    REQUIRE(reader.asked().size() > 11);
    for (const std::string& path : reader.asked()) {
      for (const Json& value : values()) {
        INFO(path << " = " << value.dump());
        check_import(folder, reader, path, value, with(tiny, path, value));
      }
      for (const Json& value : values()) {
        INFO("nothing but " << path << " = " << value.dump());
        check_import(folder, reader, path, value, with(bare, path, value));
      }
    }
  }
}

TEST_CASE("huggingface config: null is what absent is for every key") {
  for (const auto* architecture : interop::kArchitectures) {
    Json tiny = testing::tiny_config(std::string(architecture->model_type));
    const HuggingFaceFolder folder(tiny);
    const std::string plain = import_huggingface(folder.path()).config_yaml;
    const JsonReader reader(tiny, "config.json");
    architecture->read(reader);
    for (const std::string& path : reader.asked()) {
      INFO(path);
      std::string pointer = "/" + path;
      std::ranges::replace(pointer, '.', '/');
      if (tiny.contains(Json::json_pointer(pointer))) continue;
      write_json(folder.path() / "config.json", with(tiny, path, nullptr));
      CHECK(import_huggingface(folder.path()).config_yaml == plain);
    }
  }
}

}  // namespace
}  // namespace longspan
