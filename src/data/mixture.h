#pragma once

#include <string>
#include <vector>

#include "longspan/data/shards.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// A split and what it is made from.
struct NamedSource {
  std::string split;
  SourceConfig text;
};

/// Reads data.train as a list of corpora. @throws Error(Config)
std::vector<CorpusConfig> read_mixture(const config::Reader& reader);
/// Returns the name of a corpus's split.
std::string split_of(const CorpusConfig& corpus);
/// Returns what a run trains on, by split.
std::vector<NamedSource> training_sources(const DataConfig& config);
/// Returns whether some of it is a text, which a tokenizer can be made from.
bool has_training_text(const DataConfig& config);
/// Returns all of that text, corpus after corpus. @param num_threads that its lines may be spread
/// over
TrainingText whole_training_text(const DataConfig& config, int num_threads);

}  // namespace longspan
