// Times prepare from a raw text to shards whose every checksum was read again, beside `wc -w` on
// the same text in the same rounds. MODEL is a SentencePiece model file, or `word`.
//
// Usage: prepare_benchmark MODEL TEXT FOLDER [THREADS] [ROUNDS]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/data/shards.h"

namespace longspan {
namespace {

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run(const std::string& model, const std::string& text, const std::string& folder, int threads,
         int rounds) {
  log::set_level(log::Level::Warn);
  DataConfig config;
  config.train.patterns = {text};
  config.valid.synthetic = true;
  config.valid.synthetic_config.num_articles = 1;
  config.shards = folder;
  if (model != "word") {
    config.tokenizer.kind = TokenizerKind::SentencePiece;
    config.tokenizer.train = false;
    config.tokenizer.model = model;
  }
  const double megabytes = static_cast<double>(std::filesystem::file_size(text)) * 1e-6;
  const std::string count_words = "wc -w < '" + text + "' > /dev/null";
  std::vector<double> rates, ratios;
  for (int round = 0; round < rounds; ++round) {
    std::filesystem::remove_all(folder);
    std::string fingerprint;
    const double seconds = seconds_of([&] {
      const ShardFolder shards = prepare_data(config, threads);
      shards.verify();
      fingerprint = shards.fingerprint();
    });
    const double reference = seconds_of(
        [&] { check(std::system(count_words.c_str()) == 0, ErrorKind::Io, "wc must succeed"); });
    rates.push_back(megabytes / seconds);
    ratios.push_back(reference / seconds);
    std::printf("round %d: %.1f MB/s, wc -w %.1f MB/s; shards %s\n", round + 1, rates.back(),
                megabytes / reference, fingerprint.c_str());
  }
  std::ranges::sort(rates);
  std::ranges::sort(ratios);
  std::printf("%s, %d threads, %.1f MB: median of %d rounds %.1f MB/s, %.2f times wc -w\n",
              model.c_str(), threads, megabytes, rounds, rates[rates.size() / 2],
              ratios[ratios.size() / 2]);
}

}  // namespace
}  // namespace longspan

int main(int count, char** words) {
  if (count < 4) {
    std::fprintf(stderr, "usage: %s MODEL TEXT FOLDER [THREADS] [ROUNDS]\n", words[0]);
    return 2;
  }
  const auto number = [&](int place, int otherwise) {
    return count > place ? std::atoi(words[place]) : otherwise;
  };
  try {
    longspan::run(words[1], words[2], words[3], number(4, 2), number(5, 3));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
