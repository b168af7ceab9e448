// Runs a target over its seeds where there is no libFuzzer: `PROGRAM FOLDER` over each file of the
// folder, truncations of it and deterministic mutations, `PROGRAM FILE` over that file alone.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace longspan::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr int kMutations = 300;           // of all seeds together
constexpr std::size_t kTruncations = 64;  // of one seed
constexpr double kMaxSeconds = 2.0;       // of processor time, for one input
constexpr long kMaxGrowth = 512 * 1024;   // of the program's memory, in KiB

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Inputs are run in a buffer of their size, so that a sanitizer sees a read beyond it.
class Runner {
 public:
  void run(const std::string& name, const std::string& input) {
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    const std::clock_t begin = std::clock();
    try {
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    } catch (const std::exception& error) {
      fail(name, std::string("must be read or refused, it threw: ") + error.what());
    }
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    if (seconds > kMaxSeconds) fail(name, "took " + std::to_string(seconds) + " s");
    ++runs_;
  }
  void fail(const std::string& name, const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), what.c_str());
    ++faults_;
  }
  int finish() {
    const long growth = peak_kib() - start_kib_;
    if (growth > kMaxGrowth) fail("all inputs", "took " + std::to_string(growth) + " KiB");
    std::printf("inputs=%d faults=%d growth_kib=%ld\n", runs_, faults_, growth);
    return faults_ == 0 && runs_ > 0 ? 0 : 1;
  }

 private:
  int runs_ = 0, faults_ = 0;
  long start_kib_ = peak_kib();
};

// The generator's numbers are the same everywhere; the library's distributions are not.
class Mutator {
 public:
  explicit Mutator(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {}

  std::string next() {
    std::string input = seeds_[below(seeds_.size())];
    for (std::size_t count = 1 + below(4); count > 0; --count) change(input);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : generator_() % bound; }

  void change(std::string& input) {
    static const std::array<std::string, 12> kPieces{std::string(8, '\xff'),
                                                     std::string(7, '\xff') + '\x7f',
                                                     std::string(8, '\0'),
                                                     "-1",
                                                     "18446744073709551615",
                                                     "1e308",
                                                     "[[[[",
                                                     "{\"\":",
                                                     "../",
                                                     "\n",
                                                     "\xC3\xA9",
                                                     "null"};
    const std::size_t at = below(input.size() + 1), size = below(input.size() - at + 1);
    switch (generator_() % 6) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(below(256));
        break;
      case 2:
        input.erase(at, below(std::min<std::size_t>(size, 16) + 1));
        break;
      case 3:
        input.insert(at, input.substr(at, size));
        break;
      case 4:
        input.insert(at, kPieces[below(kPieces.size())]);
        break;
      default: {
        const std::string& other = seeds_[below(seeds_.size())];
        input = input.substr(0, at) + other.substr(below(other.size() + 1));
      }
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 generator_;
};

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

int run_folder(const fs::path& folder) {
  Runner runner;
  std::vector<std::string> seeds;
  for (const fs::path& file : files_of(folder)) {
    const std::string name = file.filename().string(), seed = content_of(file);
    runner.run(name, seed);
    const std::size_t step = seed.size() / kTruncations + 1;
    for (std::size_t size = 0; size < seed.size(); size += step)
      runner.run(name + ", the first " + std::to_string(size) + " bytes", seed.substr(0, size));
    seeds.push_back(seed);
  }
  if (seeds.empty()) return 1;
  Mutator mutator(seeds);
  for (int i = 0; i < kMutations; ++i) runner.run("mutation " + std::to_string(i), mutator.next());
  return runner.finish();
}

}  // namespace
}  // namespace longspan::fuzz

int main(int argc, char** argv) {
  using namespace longspan::fuzz;
  if (argc != 2 || !fs::exists(argv[1])) {
    std::fprintf(stderr, "usage: %s SEEDS\n", argv[0]);
    return 2;
  }
  if (fs::is_directory(argv[1])) return run_folder(argv[1]);
  Runner runner;
  runner.run(argv[1], content_of(argv[1]));
  return runner.finish();
}
