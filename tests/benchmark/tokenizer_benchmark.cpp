// Times a SentencePiece model on a text: the library line by line beside longspan's encoder, each
// on one thread and in seconds of the processor, and holds every line's ids against the library's.
// Usage: tokenizer_benchmark MODEL TEXT [ROUNDS]

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {
namespace {

// Of the processor: another program beside this one takes nothing away.
template <class Work>
double seconds_of(const Work& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

struct Ids {
  std::vector<std::int32_t> ids;
  std::vector<std::size_t> ends;  // by line
};

Ids encode_by_library(const sentencepiece::SentencePieceProcessor& library,
                      const std::vector<std::string_view>& lines) {
  Ids result;
  std::vector<int> ids;
  for (const std::string_view line : lines) {
    check(library.Encode(line, &ids).ok(), ErrorKind::Data, "the library failed");
    result.ids.insert(result.ids.end(), ids.begin(), ids.end());
    result.ends.push_back(result.ids.size());
  }
  return result;
}

Ids encode_here(const Tokenizer& tokenizer, const std::vector<std::string_view>& lines) {
  Ids result;
  const auto encoder = tokenizer.make_encoder();
  for (const std::string_view line : lines) {
    encoder->encode(line, result.ids);
    result.ends.push_back(result.ids.size());
  }
  return result;
}

void compare(const Ids& here, const Ids& library, const std::vector<std::string_view>& lines) {
  check(here.ends.size() == library.ends.size(), ErrorKind::Internal, "lines are lost");
  for (std::size_t i = 0, begin = 0, there = 0; i < lines.size(); ++i) {
    const std::vector<std::int32_t> a(here.ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                      here.ids.begin() + static_cast<std::ptrdiff_t>(here.ends[i]));
    const std::vector<std::int32_t> b(
        library.ids.begin() + static_cast<std::ptrdiff_t>(there),
        library.ids.begin() + static_cast<std::ptrdiff_t>(library.ends[i]));
    check(a == b, ErrorKind::Internal, "line ", i + 1, " has other ids: ", lines[i]);
    begin = here.ends[i];
    there = library.ends[i];
  }
}

void run(const std::string& model, const std::string& path, int rounds) {
  const std::string text = read_file(path);
  const auto lines = lines_of(text);
  TokenizerConfig config;
  config.kind = TokenizerKind::SentencePiece;
  config.train = false;
  config.end_of_line = false;
  config.model = model;
  const auto tokenizer = build_tokenizer(config, {});
  sentencepiece::SentencePieceProcessor library;
  check(library.Load(model).ok(), ErrorKind::Data, "the library must load ", model);
  const double megabytes = static_cast<double>(text.size()) * 1e-6;
  std::printf("%s, %.1f MB, %zu lines\n", model.c_str(), megabytes, lines.size());
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    Ids there, here;
    const double library_seconds = seconds_of([&] { there = encode_by_library(library, lines); });
    const double own_seconds = seconds_of([&] { here = encode_here(*tokenizer, lines); });
    compare(here, there, lines);
    ratios.push_back(library_seconds / own_seconds);
    std::printf("round %d: library %.1f MB/s, here %.1f MB/s, %.1f times; %zu ids are equal\n",
                round + 1, megabytes / library_seconds, megabytes / own_seconds, ratios.back(),
                here.ids.size());
  }
  std::ranges::sort(ratios);
  std::printf("median of %d rounds: %.1f times\n", rounds, ratios[ratios.size() / 2]);
}

}  // namespace
}  // namespace longspan

int main(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr, "usage: %s MODEL TEXT [ROUNDS]\n", words[0]);
    return 2;
  }
  try {
    longspan::run(words[1], words[2], count > 3 ? std::atoi(words[3]) : 3);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
