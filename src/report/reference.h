#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "report/run_folder.h"

namespace longspan::report {

/// Published perplexities, as data/paper/wikitext103.json holds them (FORMAT.md).
struct Reference {
  struct Record {
    std::string table;
    std::string method;
    std::string mode;
    std::string split;
    std::int64_t train_length = 0;
    std::int64_t length = 0;
    double ppl = 0.0;
  };
  std::string source;
  std::map<std::string, std::int64_t> targets;  ///< of each split of the published experiment
  std::vector<Record> records;
};

/// Reads a file of published perplexities. @throws Error(Io); Error(Data) that names file, record
/// and key
Reference read_reference(const std::filesystem::path& path);

/// What came of laying a reference beside the cells of runs.
struct ReferenceUse {
  std::string source;
  std::int64_t cells = 0;           ///< measured
  std::int64_t cells_matched = 0;   ///< of them, with a published figure
  std::vector<std::string> doubts;  ///< sentences: where another text was scored
};

/// Gives each cell the published figure of the same method, trained length, length, mode and split,
/// as Cell::paper and as keys of the cell's object: "paper", "paper_ratio" (measured / published)
/// and "paper_table", null where there is none. A cell with position overrides has none.
ReferenceUse apply_reference(const Reference& reference, std::vector<Run>& runs);

}  // namespace longspan::report
