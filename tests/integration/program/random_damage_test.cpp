// Files of a trained run, damaged one at a time: a bit flipped or the end cut off at a place that a
// seeded generator draws. Files are drawn uniformly, so that the small ones are hit as often.

#include <cstdio>
#include <fstream>
#include <map>
#include <random>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/data/shards.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::TinyRun;

constexpr int kFlips = 1000, kTruncations = 200;

enum class Damage { Flip, Truncation };

struct File {
  fs::path path;
  std::string kind;  // its name, without the number of a shard
  std::string content;
};

void put(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content << std::flush;
}

std::vector<File> files_of(const fs::path& folder, const std::string& kind) {
  std::vector<File> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files.push_back({entry.path(),
                       concat(kind, "/", entry.path().lexically_relative(folder).string()),
                       read_file(entry.path())});
  std::ranges::sort(files, {}, &File::path);
  return files;
}

// The generator's numbers are the same everywhere; the library's distributions are not.
class Damager {
 public:
  explicit Damager(std::uint64_t seed) : generator_(seed) {}

  std::size_t below(std::size_t bound) { return generator_() % bound; }
  // Damages a file on disk and returns how.
  std::string damage(const File& file, Damage damage) {
    const std::size_t at = below(file.content.size());
    if (damage == Damage::Truncation) {
      put(file.path, std::string_view(file.content).substr(0, at));
      return concat("the first ", at, " of ", file.content.size(), " bytes of ",
                    file.path.string());
    }
    const std::size_t bit = below(8);
    std::string content = file.content;
    content[at] = static_cast<char>(content[at] ^ (1 << bit));
    put(file.path, content);
    return concat("bit ", bit, " of byte ", at, " of ", file.content.size(), " bytes of ",
                  file.path.string());
  }

 private:
  std::mt19937_64 generator_;
};

/// Damages files of one folder in turn and puts each right again.
/// @param is_noticed called while a file is damaged
template <class IsNoticed>
void check_damage_is_noticed(const std::vector<File>& files, std::uint64_t seed,
                             const IsNoticed& is_noticed) {
  Damager damager(seed);
  std::map<std::string, std::pair<int, int>> tried;
  for (int trial = 0; trial < (kFlips + kTruncations) / 2; ++trial) {
    const Damage damage = trial < kFlips / 2 ? Damage::Flip : Damage::Truncation;
    const File& file = files[damager.below(files.size())];
    const std::string what = damager.damage(file, damage);
    if (!is_noticed()) FAIL_CHECK("not noticed: " << what);
    put(file.path, file.content);
    auto& [flips, truncations] = tried[file.kind];
    (damage == Damage::Flip ? flips : truncations) += 1;
  }
  CHECK(tried.size() == files.size());
  for (const auto& [kind, counts] : tried)
    std::printf("%-38s flips=%d truncations=%d\n", kind.c_str(), counts.first, counts.second);
}

// A run of two checkpoints.
struct Trained {
  Trained() {
    REQUIRE(tiny.train("run", {"--set", "train.max_steps=10"}).code == 0);
    REQUIRE(checkpoint_folders(run()).size() == 2);
    log::set_level(log::Level::Error);
  }
  ~Trained() { log::set_level(log::Level::Info); }
  fs::path run() const { return tiny.path("run"); }

  TinyRun tiny;
};

TEST_CASE("random damage: a damaged checkpoint is left for the one before it") {
  const Trained trained;
  const auto newest_step = [&] {
    const auto contents = load_newest_checkpoint(trained.run());
    return contents ? contents->step : 0;
  };
  check_damage_is_noticed(files_of(checkpoint_folders(trained.run()).back(), "checkpoint"), 1,
                          [&] { return newest_step() == 5; });
  CHECK(newest_step() == 10);
}

TEST_CASE("random damage: damaged shards are not read") {
  const Trained trained;
  const fs::path folder = trained.tiny.path("shards");
  const auto read_all = [&] {
    const ShardFolder shards = ShardFolder::open(folder);
    for (const std::string& split : shards.splits()) {
      const TokenStream stream = shards.stream(split);
      std::vector<std::int64_t> ids(static_cast<std::size_t>(stream.size()));
      stream.copy(0, stream.size(), ids.data());
    }
  };
  check_damage_is_noticed(files_of(folder, "shards"), 2, [&] {
    try {
      read_all();
      return false;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::Data) FAIL_CHECK("not an error of data: " << error.what());
      return true;
    }
  });
  CHECK_NOTHROW(read_all());
}

}  // namespace
}  // namespace longspan
