#include "device/control_group.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "support/temporary_folder.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

struct Groups {
  void write(const std::string& file, const std::string& content) const {
    fs::create_directories((folder.path() / file).parent_path());
    std::ofstream(folder.path() / file) << content;
  }
  std::int64_t left(const std::string& groups) const {
    std::istringstream lines(groups);
    return memory_left_in_groups(lines, folder.path());
  }
  testing::TemporaryFolder folder;
};

}  // namespace

TEST_CASE("the memory that a group leaves is its limit less what is in use, files aside") {
  const Groups groups;
  groups.write("jobs/7/memory.max", "1000\n");
  groups.write("jobs/7/memory.current", "400\n");
  groups.write("jobs/7/memory.stat", "anon 250\ninactive_file 150\nactive_file 0\n");
  CHECK(groups.left("0::/jobs/7\n") == 750);
  CHECK(groups.left("0::/jobs/8\n") == kUnlimited);
  CHECK(groups.left("0::/\n") == kUnlimited);
  CHECK(groups.left("") == kUnlimited);
  CHECK(groups.left("no group\n7:x\n") == kUnlimited);
  groups.write("jobs/7/memory.current", "4000\n");
  CHECK(groups.left("0::/jobs/7\n") == 0);
}

TEST_CASE("the tightest of a group and those above it counts, max is no limit") {
  const Groups groups;
  groups.write("jobs/memory.max", "600\n");
  groups.write("jobs/memory.current", "100\n");
  groups.write("jobs/7/memory.max", "max\n");
  CHECK(groups.left("0::/jobs/7\n") == 500);
  groups.write("jobs/7/memory.max", "200\n");
  CHECK(groups.left("0::/jobs/7\n") == 200);
  groups.write("memory.max", "50\n");  // as a container sees its own
  CHECK(groups.left("0::/jobs/7\n") == 50);
  CHECK(groups.left("0::/another/name/outside\n") == 50);
}

TEST_CASE("groups of the first version are found by their controller") {
  const Groups groups;
  groups.write("memory/lim/memory.limit_in_bytes", "3000\n");
  groups.write("memory/lim/memory.usage_in_bytes", "1000\n");
  groups.write("memory/lim/memory.stat", "cache 500\ntotal_inactive_file 200\n");
  groups.write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  groups.write("memory/memory.usage_in_bytes", "5000\n");
  CHECK(groups.left("5:cpu,cpuacct:/x\n3:memory:/lim\n0::/\n") == 2200);
  CHECK(groups.left("3:hugetlb,memory:/lim\n") == 2200);
  CHECK(groups.left("3:memoryless:/lim\n") == kUnlimited);
}

}  // namespace longspan
