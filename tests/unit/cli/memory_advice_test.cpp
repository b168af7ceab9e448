// What is said where memory runs out.

#include "cli/memory_advice.h"

#include <c10/util/Exception.h>

#include <new>

#include "cli/exit_code.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan::cli {
namespace {

RunConfig read(const std::vector<std::string>& overrides) {
  return read_run_config(
      config::Document::from_file(testing::source_folder() / "configs/tests/tiny.yaml", overrides));
}

std::string said(const std::function<void()>& work) {
  try {
    with_memory_advice("lower it", work);
  } catch (const Error& error) {
    return concat(exit_code(error.kind()), " ", error.what());
  }
  return "nothing";
}

TEST_CASE("training's advice names the keys that leave room, and no other") {
  CHECK(train_advice(read({})) ==
        "lower train.micro_batch_tokens (64), set train.activation_checkpointing, set "
        "distributed.shard_optimizer on several ranks, lower validate.extrapolation_lengths (64) "
        "if it validated or lower data.seq_len (16)");
  CHECK(train_advice(read({"train.micro_batch_tokens=16", "train.activation_checkpointing=true",
                           "distributed.shard_optimizer=true",
                           "validate.extrapolation_lengths=[]"})) == "lower data.seq_len (16)");
  CHECK(train_advice(
            read({"train.micro_batch_tokens=auto", "train.activation_checkpointing=true",
                  "distributed.shard_optimizer=true", "validate.extrapolation_lengths=[]"})) ==
        "set train.micro_batch_tokens below what the log says or lower data.seq_len (16)");
}

TEST_CASE("memory that runs out gets the advice of the innermost work; other errors none") {
  CHECK(said([] { throw std::bad_alloc(); }) == "7 out of memory; lower it");
  CHECK(said([] {
          C10_THROW_ERROR(OutOfMemoryError, "CUDA out of memory, tried to allocate 12 MiB. See");
        }) == "7 out of memory: tried to allocate 12 MiB; lower it");
  CHECK(said([] { with_memory_advice("raise it", [] { throw std::bad_alloc(); }); }) ==
        "7 out of memory; raise it");
  CHECK(said([] { throw std::runtime_error("could not execute a primitive"); }) ==
        "7 out of memory; lower it");
  CHECK(said([] { throw Error(ErrorKind::Data, "no text"); }) == "3 no text");
  CHECK(said([] {}) == "nothing");
  CHECK_THROWS_AS(said([] { throw std::logic_error("odd"); }), std::logic_error);
  CHECK(reason_of(std::bad_alloc()) == "out of memory");
}

}  // namespace
}  // namespace longspan::cli
