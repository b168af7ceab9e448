#pragma once

#include <string>

#include "data/encoded_ids.h"
#include "longspan/data/text.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// Encodes a text by lines or documents, as the tokenizer takes it, the start id between two
/// documents. Calls take with the ids in order. @param name of the text, for progress
/// @param num_threads at least 1  @throws Error(Data)
TextCounts encode_units(const std::string& name, const TextConfig& config,
                        const Tokenizer& tokenizer, int num_threads, const TakeIds& take);

/// Returns a text to make a tokenizer from. @param num_threads that its lines may be spread over
TrainingText training_text(const std::string& name, const TextConfig& config, int num_threads);

}  // namespace longspan
