#pragma once

#include <string>

#include "longspan/data/text.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/evaluate/protocol.h"
#include "longspan/run/run.h"

namespace longspan {

/// Opens a split of a run's shards, a text, or a file of token ids. @throws Error(Data)
EvaluationText open_evaluation_text(const std::string& split, const TrainedRun& run);
/// Returns what names a text file.
TextConfig text_file(const std::string& split);
/// Writes the inputs of a window: the tokens one before its targets, the start id before the first.
void copy_inputs(const EvaluationText& text, const Window& window, std::int64_t* out);

}  // namespace longspan
