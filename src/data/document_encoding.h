#pragma once

#include "data/encoded_ids.h"
#include "data/text_units.h"
#include "longspan/data/text.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// Encodes documents with several threads, the start id between two. Calls take with the ids in
/// order. @throws Error(Data)
TextCounts encode_documents(DocumentBlocks blocks, const Tokenizer& tokenizer, int num_threads,
                            const TakeIds& take);

}  // namespace longspan
