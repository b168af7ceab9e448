// The schemas that `longspan schema` prints.

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "support/paths.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::TinyRun;

TEST_CASE("schema: the files in configs are what the program prints") {
  const TinyRun tiny;
  for (const char* of : {"run", "sweep"}) {
    const auto result = tiny.run({"schema", of});
    REQUIRE(result.code == 0);
    CHECK(result.out ==
          read_file(testing::source_folder() / "configs" / concat(of, ".schema.json")));
  }
  CHECK(tiny.run({"schema"}).out == tiny.run({"schema", "run"}).out);
  CHECK(tiny.run({"schema", "data"}).code == 2);
}

}  // namespace
}  // namespace longspan
