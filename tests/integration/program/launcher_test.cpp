// What users start, alone and beside a program that a script stands in for.

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

struct Said {
  int code;
  std::string out, err;
};

/// A copy of what users start, in the folder bin, with nothing beside that.
class Copy {
 public:
  Copy() {
    fs::create_directories(folder_.path() / "bin");
    fs::copy_file(testing::program_file(), folder_.path() / "bin/longspan");
  }

  fs::path path(const std::string& name) const { return folder_.path() / name; }

  void put_program(const std::string& script) const {
    fs::create_directories(path("libexec"));
    write_file_durably(path("libexec/longspan"), script);
    fs::permissions(path("libexec/longspan"), fs::perms::owner_all);
  }

  Said start(const std::string& words, const std::string& environment = "") const {
    return run(concat("env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT ", environment, " '",
                      path("bin/longspan").string(), "' ", words));
  }

  Said run(const std::string& command) const {
    const auto out = path("out.txt"), err = path("err.txt");
    const int status =
        std::system(concat(command, " >'", out.string(), "' 2>'", err.string(), "'").c_str());
    REQUIRE(WIFEXITED(status));
    return {WEXITSTATUS(status), read_file(out), read_file(err)};
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_CASE("the version is said without the program, in the program's words") {
  const Copy copy;
  const Said alone = copy.start("--version");
  CHECK(alone.code == 0);
  CHECK_THAT(alone.out, ContainsSubstring("longspan ") && ContainsSubstring("\nLibTorch "));
  const auto program = testing::program_file().parent_path().parent_path() / "libexec/longspan";
  CHECK(copy.run(concat("'", program.string(), "' --version")).out == alone.out);
}

TEST_CASE("a program that is not there is an internal error that names its place") {
  const Copy copy;
  const Said said = copy.start("runs");
  CHECK(said.code == 1);
  CHECK(said.out.empty());
  CHECK(said.err == concat("longspan: error: ", copy.path("libexec/longspan").string(),
                           " must be a program, got: No such file or directory; build or install "
                           "longspan anew\n"));
}

TEST_CASE("the program gets the words, and its exit code is the one that comes out") {
  const Copy copy;
  copy.put_program("#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 5\n");
  const Said said = copy.start("train 'two words' '' --set x=\\*");
  CHECK(said.code == 5);
  CHECK(said.out == "<train><two words><><--set><x=*>");
}

TEST_CASE("the program is found from a link to what users start") {
  const Copy copy;
  copy.put_program("#!/bin/sh\necho found\n");
  fs::create_symlink(copy.path("bin/longspan"), copy.path("link"));
  CHECK(copy.run(concat("'", copy.path("link").string(), "' runs")).out == "found\n");
}

TEST_CASE("idle threads sleep soon unless the environment says what they do") {
  const Copy copy;
  copy.put_program("#!/bin/sh\necho \"$GOMP_SPINCOUNT\"\n");
  CHECK(copy.start("train").out == "1000\n");
  CHECK(copy.start("train", "GOMP_SPINCOUNT=7").out == "7\n");
  CHECK(copy.start("train", "OMP_WAIT_POLICY=active").out == "\n");
}

}  // namespace
}  // namespace longspan
