// data.train as a list of corpora with weights.
#include "data/mixture.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "data/encoding.h"
#include "data/mixture_rule.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr int kMostDecimals = 6;
constexpr double kLargestWeight = 1e9;

bool is_name(const std::string& name) {
  const auto is_fit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !name.empty() && name.size() <= 100 && std::ranges::all_of(name, is_fit);
}

// Takes weights as the decimals that they were written as, so that shares are exact.
std::vector<std::int64_t> whole_weights(const std::vector<double>& weights) {
  double scale = 1.0;
  const auto is_whole = [&](double weight) {
    return std::abs(weight * scale - std::round(weight * scale)) <= 1e-9 * weight * scale &&
           std::round(weight * scale) >= 1.0;
  };
  for (int decimals = 0; decimals < kMostDecimals && !std::ranges::all_of(weights, is_whole);
       ++decimals)
    scale *= 10.0;
  if (!std::ranges::all_of(weights, is_whole)) return {};
  std::vector<std::int64_t> whole;
  for (const double weight : weights) whole.push_back(std::llround(weight * scale));
  const std::int64_t divisor =
      std::accumulate(whole.begin(), whole.end(), std::int64_t{0},
                      [](std::int64_t a, std::int64_t b) { return std::gcd(a, b); });
  for (std::int64_t& weight : whole) weight /= divisor;
  return whole;
}

}  // namespace

std::string split_of(const CorpusConfig& corpus) { return concat("train.", corpus.name); }

std::vector<CorpusConfig> read_mixture(const config::Reader& reader) {
  std::vector<CorpusConfig> corpora;
  std::vector<double> weights;
  const auto item = [](std::size_t number) { return concat("train[", number, "]"); };
  for (std::size_t i = 0; !reader.shape(item(i)).empty(); ++i) {
    check(i < MixtureRule::kMostCorpora, ErrorKind::Config, reader.place("train"),
          " must be a mixture of at most ", MixtureRule::kMostCorpora, " corpora, got more");
    const config::Reader section = reader.section(item(i));
    CorpusConfig corpus;
    corpus.name = section.text("name", concat("corpus-", corpora.size() + 1));
    check(is_name(corpus.name), ErrorKind::Config, section.place("name"),
          " must have letters, digits, - and _ alone, got '", corpus.name, "'");
    check(std::ranges::find(corpora, corpus.name, &CorpusConfig::name) == corpora.end(),
          ErrorKind::Config, section.place("name"), " must be another one for each corpus, got ",
          corpus.name, " twice");
    weights.push_back(section.number("weight", {.high = kLargestWeight, .above = 0.0}));
    corpus.source = read_source_config(section, "source");
    section.finish();
    corpora.push_back(std::move(corpus));
  }
  const std::vector<std::int64_t> whole = whole_weights(weights);
  const std::int64_t sum = std::accumulate(whole.begin(), whole.end(), std::int64_t{0});
  check(sum > 0 && sum <= MixtureRule::kMostSum, ErrorKind::Config, reader.place("train"),
        " must have weights that are shares of the tokens with at most ", kMostDecimals,
        " digits, as 0.35, or small whole numbers",
        sum > 0 ? concat(", got a sum of ", sum, " in whole numbers") : "");
  for (std::size_t i = 0; i < corpora.size(); ++i) corpora[i].weight = whole[i];
  return corpora;
}

std::vector<NamedSource> training_sources(const DataConfig& config) {
  if (config.mixture.empty()) return {{"train", config.train}};
  std::vector<NamedSource> sources;
  for (const CorpusConfig& corpus : config.mixture)
    sources.push_back({split_of(corpus), corpus.source});
  return sources;
}

std::vector<std::string> training_splits(const DataConfig& config) {
  std::vector<std::string> names;
  for (const NamedSource& source : training_sources(config)) names.push_back(source.split);
  return names;
}

bool has_training_text(const DataConfig& config) {
  return std::ranges::any_of(training_sources(config),
                             [](const NamedSource& each) { return !each.text.tokens; });
}

TrainingText whole_training_text(const DataConfig& config, int num_threads) {
  std::vector<TrainingText> texts;
  for (const NamedSource& source : training_sources(config))
    if (!source.text.tokens)
      texts.push_back(training_text(concat("data.", source.split), source.text, num_threads));
  if (texts.size() == 1) return texts.front();
  TrainingText whole([texts](const TakeLine& take) {
    for (const TrainingText& text : texts) text.lines(take);
  });
  whole.spread = [texts](const std::function<TakeLine()>& make_taker) {
    for (const TrainingText& text : texts) text.spread(make_taker);
  };
  return whole;
}

}  // namespace longspan
