#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace longspan::report {

/// How far a head attends at a length.
struct Head {
  std::int64_t layer = 0, head = 0;
  double mean_distance = 0.0;                 ///< in tokens, of all queries
  std::optional<double> mass_beyond_trained;  ///< of queries that see more keys than were trained
};

/// The heads in windows of a length.
struct ReachAt {
  std::int64_t length = 0;
  std::vector<Head> heads;
};

/// What `longspan attention` left of a text.
struct Reach {
  std::string split;  ///< the file's name
  std::int64_t checkpoint_step = 0;
  std::int64_t train_length = 0;
  std::string position_overrides;
  std::vector<ReachAt> lengths;  ///< ascending, at least one
};

/// @throws Error(Data), Error(Io)
Reach read_reach(const std::filesystem::path& file);

}  // namespace longspan::report
