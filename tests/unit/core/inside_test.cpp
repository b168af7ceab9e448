#include "longspan/core/inside.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>

#include "support/temporary_folder.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

TEST_CASE("a name leads into its folder, there or not") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "sub");
  std::ofstream(folder.path() / "sub" / "file") << "x";
  for (const char* name :
       {"file", "sub", "sub/file", "sub/none", "..file", "a..", "...", "sub/..b"})
    CHECK(path_inside(folder.path(), name) == folder.path() / name);
  CHECK(path_inside(folder.path() / "none", "file") == folder.path() / "none" / "file");
}

TEST_CASE("a name that leads out of its folder is refused") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "sub");
  const std::string end(1, '\0');
  for (const std::string& name :
       {std::string(), std::string("/etc/passwd"), std::string("/"), std::string("."),
        std::string(".."), std::string("../x"), std::string("sub/../../x"), std::string("sub/.."),
        std::string("./x"), ".." + end, "sub" + end + "/../.."})
    CHECK_FALSE(path_inside(folder.path(), name));
}

TEST_CASE("a symbolic link is followed within the folder only") {
  const TemporaryFolder around;
  const fs::path folder = around.path() / "folder";
  fs::create_directories(folder / "sub");
  fs::create_directory(around.path() / "folder-beside");
  std::ofstream(around.path() / "secret") << "x";
  std::ofstream(folder / "file") << "x";
  fs::create_symlink("file", folder / "to_file");
  fs::create_symlink("../secret", folder / "to_secret");
  fs::create_symlink("../../secret", folder / "sub" / "to_secret");
  fs::create_symlink("..", folder / "up");
  fs::create_symlink("../folder-beside", folder / "beside");
  fs::create_symlink("loop", folder / "loop");
  fs::create_directory_symlink(folder, around.path() / "link");
  CHECK(path_inside(folder, "to_file"));
  CHECK(path_inside(around.path() / "link", "to_file"));
  for (const char* name : {"to_secret", "sub/to_secret", "up", "up/secret", "up/folder/file",
                           "beside", "beside/x", "loop", "loop/x"}) {
    INFO(name);
    const bool back = std::string(name) == "up/folder/file";
    CHECK(path_inside(folder, name).has_value() == back);
  }
}

}  // namespace
}  // namespace longspan
