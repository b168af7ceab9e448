// The schema of sweep files.

#include "cli/sweep_schema.h"

#include "longspan/core/files.h"
#include "support/json_schema.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

TEST_CASE("the schema of sweeps in configs is the reader's") {
  const auto shipped = read_file(testing::source_folder() / "configs/sweep.schema.json");
  CHECK(shipped == sweep_schema().dump(2) + "\n");
}

TEST_CASE("every sweep is valid, one with an unknown key or without a base is not") {
  const Json schema = sweep_schema();
  int count = 0;
  for (const auto& entry : fs::directory_iterator(testing::source_folder() / "configs/sweeps")) {
    CAPTURE(entry.path());
    CHECK(testing::schema_named_by(entry.path()) ==
          testing::source_folder() / "configs/sweep.schema.json");
    Json sweep = testing::json_of_yaml(read_file(entry.path()));
    CHECK(testing::violation(schema, sweep).value_or("") == "");
    sweep["evaluates"] = 1;
    CHECK(testing::violation(schema, sweep) == "evaluates is unknown");
    sweep.erase("evaluates");
    sweep.erase("base");
    CHECK(testing::violation(schema, sweep) == " must have base");
    ++count;
  }
  CHECK(count >= 10);
}

}  // namespace
}  // namespace longspan::cli
