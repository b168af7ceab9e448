// A disk that fails a run for a while, or for good.

#include <sys/mount.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

constexpr const char *kNotSaved = "not saved; training goes on",
                     *kNoMetrics = "metrics are not written; training goes on";

// A model whose checkpoints are larger than the limit below, and whose rows reach it later.
Words large(Words more = {}) {
  Words words{"--set",  "model.d_model=128",
              "--set",  "train.max_steps=1000000",
              "--set",  "checkpoint={every_steps: 20}",
              "--set",  "validate.every_steps=0",
              "--set",  "log={every_steps: 1, tensorboard: false}",
              "--quiet"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}
constexpr rlim_t kLimit = 40'000;

// Lets the files of a process grow to so many bytes only, as a full disk would.
void limit_files(pid_t id, rlim_t bytes) {
  rlimit limits{};
  REQUIRE(::prlimit(id, RLIMIT_FSIZE, nullptr, &limits) == 0);
  limits.rlim_cur = bytes;
  REQUIRE(::prlimit(id, RLIMIT_FSIZE, &limits, nullptr) == 0);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

bool contains(const fs::path& file, const std::string& text) {
  return fs::exists(file) && read_file(file).find(text) != std::string::npos;
}

void check_whole(const TinyRun& tiny) {
  const auto run = tiny.path("run");
  CHECK(tiny.run({"inspect", run.string(), "--verify"}).code == 0);
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    CHECK(entry.path().extension() == "");  // no .staged, no .removed
}

void check_rows_follow_each_other(const fs::path& run) {
  std::int64_t step = 0;
  for (const auto& row : testing::stable_rows(run)) {
    if (row["step"] != step + 1) FAIL_CHECK("the row after step " << step << " is " << row);
    step = row["step"];
  }
  CHECK(step > 50);
}

void train_through_a_full_disk(const Words& words, std::size_t rank_of_files) {
  const TinyRun tiny;
  testing::Program program(tiny.train_arguments("run", large(words)), tiny.path("."));
  program.wait_until([&] { return fs::exists(tiny.path("run/checkpoints/latest")); });
  const auto ranks = program.children();
  const pid_t writer = ranks.empty() ? program.id() : ranks.at(rank_of_files);
  limit_files(writer, kLimit);
  program.wait_until([&] {
    return contains(tiny.path("run/log.txt"), kNotSaved) &&
           contains(tiny.path("run/log.txt"), kNoMetrics);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  REQUIRE_FALSE(program.has_ended());
  limit_files(writer, RLIM_INFINITY);
  const std::string before = read_file(tiny.path("run/checkpoints/latest"));
  program.wait_until([&] { return read_file(tiny.path("run/checkpoints/latest")) != before; });
  program.send(SIGTERM);
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 143);
  CHECK(count_of(result.err, kNotSaved) == 1);
  CHECK(count_of(result.err, kNoMetrics) == 1);
  check_whole(tiny);
  check_rows_follow_each_other(tiny.path("run"));
}

TEST_CASE("a run goes on through a disk that is full for a while, and leaves no row out") {
  train_through_a_full_disk({}, 0);
}

TEST_CASE("so do several ranks, whose optimizer state is spread") {
  train_through_a_full_disk(
      {"--processes", "2", "--set", "distributed={shard_optimizer: true, timeout_seconds: 20}"}, 0);
}

TEST_CASE("a run that cannot save at its end says so, and its last checkpoint stands") {
  const TinyRun tiny;
  testing::Program program(tiny.train_arguments("run", large()), tiny.path("."));
  program.wait_until([&] { return fs::exists(tiny.path("run/checkpoints/latest")); });
  limit_files(program.id(), kLimit);
  program.wait_until([&] { return contains(tiny.path("run/log.txt"), kNotSaved); });
  program.send(SIGTERM);
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 4);
  CHECK(count_of(result.err, kNotSaved) == 1);
  CHECK_THAT(result.err, ContainsSubstring("longspan: error: checkpoint of step ") &&
                             ContainsSubstring("cannot write: File too large") &&
                             ContainsSubstring("earlier checkpoints stand"));
  check_whole(tiny);
}

// A small disk, mounted at "small". Its size is given in checkpoints of a run.
class SmallDisk {
 public:
  explicit SmallDisk(double checkpoints) : path_(tiny_.path("small")) {
    REQUIRE(tiny_.train("measured", words({})).code == 0);
    std::uintmax_t bytes = 0;
    for (const auto& entry :
         fs::recursive_directory_iterator(tiny_.path("measured/checkpoints/step-000000020")))
      if (entry.is_regular_file()) bytes += entry.file_size();
    make_folder(path_);
    const auto size = static_cast<std::uintmax_t>(checkpoints * static_cast<double>(bytes));
    is_mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, concat("size=", size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount(path_.c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_mounted() const { return is_mounted_; }
  fs::path run() const { return path_ / "run"; }
  testing::Finished train(const Words& more) const { return tiny_.train("small/run", words(more)); }
  testing::Finished inspect() const { return tiny_.run({"inspect", run().string(), "--verify"}); }

 private:
  static Words words(const Words& more) {
    Words words{"--set", "model.d_model=128",     "--set", "checkpoint.keep_best=\"\"",
                "--set", "validate.every_steps=0"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  TinyRun tiny_;
  fs::path path_;
  bool is_mounted_ = false;
};

TEST_CASE("where there is no room for one checkpoint more, the oldest goes before and not after") {
  const SmallDisk disk(2.6);
  if (!disk.is_mounted()) SKIP("mounting a small tmpfs needs root");
  const auto result = disk.train({"--set", "checkpoint.keep_last=2"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(count_of(result.err, kNotSaved) == 0);
  CHECK(list_checkpoints(disk.run()).size() == 2);
  CHECK(checkpoint_step(list_checkpoints(disk.run()).back()) == 20);
  CHECK(disk.inspect().code == 0);
}

TEST_CASE("the only checkpoint is never deleted for want of space") {
  const SmallDisk disk(1.6);
  if (!disk.is_mounted()) SKIP("mounting a small tmpfs needs root");
  const auto result = disk.train({"--set", "checkpoint.keep_last=1"});
  INFO(result.err);
  CHECK(result.code == 4);
  CHECK(count_of(result.err, kNotSaved) == 1);
  CHECK_THAT(result.err, ContainsSubstring("longspan: error: checkpoint of step 20") &&
                             ContainsSubstring("No space left on device"));
  REQUIRE(list_checkpoints(disk.run()).size() == 1);
  CHECK(checkpoint_step(list_checkpoints(disk.run()).back()) == 5);
  CHECK(disk.inspect().code == 0);
  for (const auto& entry : fs::directory_iterator(disk.run() / "checkpoints"))
    CHECK(entry.path().extension() == "");
}

// As a folder whose rights are taken away and given back, which root would not notice.
TEST_CASE("a run saves again once the place of its checkpoints is free") {
  const TinyRun tiny;
  testing::Program program(tiny.train_arguments("run", large()), tiny.path("."));
  const auto place = tiny.path("run/checkpoints");
  program.wait_until([&] { return fs::exists(place / "latest"); });
  for (int i = 0; !fs::is_regular_file(place) && i < 1000; ++i) {
    std::error_code busy;
    fs::rename(place, concat(place.string(), i), busy);
    std::ofstream(place) << "in the way";
  }
  program.wait_until([&] { return contains(tiny.path("run/log.txt"), kNotSaved); });
  fs::remove(place);
  program.wait_until([&] { return fs::exists(place / "latest"); });
  program.send(SIGTERM);
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 143);
  CHECK(count_of(result.err, kNotSaved) == 1);
  check_whole(tiny);
}

}  // namespace
}  // namespace longspan
