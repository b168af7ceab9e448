// Measures how fast training gets its batches, and what very large corpora cost before the first.
//
// Usage: stream_benchmark read FOLDER ROUNDS        tokens/s from the page cache, at length 512
//        stream_benchmark start FOLDER SHARDS SIZE  a corpus of SHARDS sparse shards of SIZE tokens
//
// Both make their shards in FOLDER, which must not be there, and leave them.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard_file.h"
#include "data/shard_list.h"
#include "data/shard_writer.h"
#include "data/tokenizer_files.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/random.h"
#include "longspan/data/batches.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kSeqLen = 512, kSequencesPerStep = 144;  // the paper's batch
constexpr std::int64_t kVocabSize = 50000, kReadTokens = std::int64_t{1} << 28;

template <class Work>
double seconds(const Work& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void write_folder(const fs::path& folder, const Json& shards, std::int64_t num_tokens) {
  TokenizerConfig config;
  config.kind = TokenizerKind::Ids;
  config.vocab_size = kVocabSize;
  const auto tokenizer = build_tokenizer(config, {});
  make_folder(folder / "tokenizer");
  tokenizer->save(folder / "tokenizer");
  write_manifest(folder, {{"format", kShardsFormat},
                          {"bytes_per_token", 2},
                          {"tokenizer",
                           {{"fingerprint", tokenizer->fingerprint()},
                            {"files", describe_tokenizer_files(folder / "tokenizer")}}},
                          {"splits",
                           {{{"name", "train"},
                             {"tokens", num_tokens},
                             {"lines", 1},
                             {"words", 1},
                             {"bytes", 1},
                             {"shards", shards}}}}});
}

void make_random_shards(const fs::path& folder) {
  ShardWriter writer(folder, "train", 2);
  RandomStream random(1, RandomPurpose::Benchmark, 0);
  std::vector<std::int32_t> ids(std::size_t{1} << 20);
  for (std::int64_t made = 0; made < kReadTokens; made += static_cast<std::int64_t>(ids.size())) {
    for (auto& id : ids) id = static_cast<std::int32_t>(random.bits() % kVocabSize);
    writer.append(ids);
  }
  write_folder(folder, writer.finish(), kReadTokens);
}

// Shards of zeros, of which only the header and the table of checksums take space on disk.
class SparseShards {
 public:
  SparseShards(const fs::path& folder, std::int64_t shard_tokens)
      : folder_(folder), shard_tokens_(shard_tokens) {
    const std::vector<std::byte> ids(static_cast<std::size_t>(2 * shard_tokens));
    Hasher hasher;
    hasher.update(ids);
    digest_ = hasher.digest();
    write_shard(folder / "model", {2, shard_tokens, 0, digest_}, ids);
    content_ = read_file(folder / "model");
    fs::remove(folder / "model");
  }

  Json make(std::size_t count) {
    ShardList list("train");
    for (std::size_t i = 0; i < count; ++i) {
      write(folder_ / shard_name("train", i), list.num_tokens());
      list.add(shard_tokens_, *digest_bytes(digest_));
    }
    return list.write(folder_);
  }

 private:
  // FORMAT.md: the place of the first token stands at byte 32, under no checksum.
  void write(const fs::path& path, std::int64_t first_token) {
    std::memcpy(content_.data() + 32, &first_token, sizeof first_token);
    const std::size_t table = kShardHeaderBytes + static_cast<std::size_t>(2 * shard_tokens_);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
    const auto put = [&](std::size_t begin, std::size_t end) {
      return ::pwrite(file, content_.data() + begin, end - begin, static_cast<off_t>(begin)) ==
             static_cast<ssize_t>(end - begin);
    };
    const bool written =
        file >= 0 && put(0, kShardHeaderBytes) && put(table, content_.size()) && ::close(file) == 0;
    check(written, ErrorKind::Io, path.string(), " must be new, and writable");
  }

  fs::path folder_;
  std::int64_t shard_tokens_;
  std::string digest_, content_;
};

std::shared_ptr<const BatchPlan> plan_of(const TokenStream& stream) {
  return make_batch_plan({BatchOrder::Shuffled, 1, num_blocks(stream, kSeqLen), kSequencesPerStep});
}

struct Rate {
  double of_time = 0, of_processor = 0;  // tokens a second; the latter is less moved by other work
};

// One pass over the corpus as training takes it: shuffled, ahead on a thread, each batch used once.
Rate tokens_per_second(const TokenStream& stream, std::int64_t& sum) {
  const auto plan = plan_of(stream);
  const std::int64_t steps = num_blocks(stream, kSeqLen) / kSequencesPerStep;
  const std::clock_t begin = std::clock();
  const double taken = seconds([&] {
    BatchLoader loader(stream, plan, kSeqLen, 0, 0);
    for (std::int64_t step = 0; step < steps; ++step) {
      const BatchLoader::Step& loaded = loader.next();
      sum += loaded.batch.target_ids[static_cast<std::size_t>(step) % 1000];
    }
  });
  const double worked = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  const auto tokens = static_cast<double>(steps * kSequencesPerStep * kSeqLen);
  return {tokens / taken, tokens / worked};
}

void measure_reading(const fs::path& folder, int rounds) {
  make_folder(folder);
  make_random_shards(folder);
  std::int64_t sum = 0;
  std::vector<double> times, processors;
  for (int round = 0; round <= rounds; ++round) {
    const TokenStream stream = ShardFolder::open(folder).stream("train");
    const Rate first = tokens_per_second(stream, sum), next = tokens_per_second(stream, sum);
    std::printf(
        "round %d: M tokens a second %.0f with checksums, %.0f after; of processor time "
        "%.0f and %.0f\n",
        round, first.of_time / 1e6, next.of_time / 1e6, first.of_processor / 1e6,
        next.of_processor / 1e6);
    if (round == 0) continue;  // which filled the page cache
    times.push_back(next.of_time);
    processors.push_back(next.of_processor);
  }
  std::ranges::sort(times);
  std::ranges::sort(processors);
  const std::size_t middle = times.size() / 2;
  std::printf("median of %d: %.0f M tokens/s, %.0f of processor time (%lld)\n", rounds,
              times[middle] / 1e6, processors[middle] / 1e6, static_cast<long long>(sum));
}

void measure_start(const fs::path& folder, std::size_t shards, std::int64_t shard_tokens) {
  if (!fs::exists(folder)) {
    make_folder(folder);
    SparseShards sparse(folder, shard_tokens);
    write_folder(folder, sparse.make(shards), static_cast<std::int64_t>(shards) * shard_tokens);
    std::printf("made; run it again to measure\n");
    return;
  }
  const double before = peak_mib();
  std::int64_t tokens = 0;
  double opening = 0;
  const double started = seconds([&] {
    std::optional<ShardFolder> opened;
    opening = seconds([&] { opened = ShardFolder::open(folder); });
    const TokenStream stream = opened->stream("train");
    tokens = stream.size();
    opened->fingerprint();
    BatchLoader loader(stream, plan_of(stream), kSeqLen, 0, tokens / (kSeqLen * 300));
    check(loader.next().batch.num_targets == kSequencesPerStep * kSeqLen, ErrorKind::Internal,
          "the first batch must be whole");
  });
  std::printf(
      "%zu shards, %lld tokens: opened in %.3f s, first batch after %.3f s, "
      "peak memory %.0f MiB, of which %.0f before\n",
      shards, static_cast<long long>(tokens), opening, started, peak_mib(), before);
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 4 && words[1] == "read")
    measure_reading(words[2], std::stoi(words[3]));
  else if (words.size() == 5 && words[1] == "start")
    measure_start(words[2], std::stoull(words[3]), std::stoll(words[4]));
  else
    return std::fprintf(stderr, "usage: see the head of stream_benchmark.cpp\n"), 2;
  return 0;
}

}  // namespace
}  // namespace longspan

int main(int argc, char** argv) {
  return longspan::run(std::vector<std::string>(argv, argv + argc));
}
