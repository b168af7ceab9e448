#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longspan {

/// How a split is cut into windows: stride 0 is non-overlapping (the paper's default), S > 0 a
/// sliding window that scores S new targets a window (arXiv:2108.12409, appendix B.1).
struct EvaluationMode {
  std::int64_t stride = 0;

  std::string name() const;  ///< "nonoverlapping" or "stride:S"
};

/// Parses "nonoverlapping" or "stride:S". @param place of the text, to begin an error with
/// @throws Error(Config)
EvaluationMode parse_mode(std::string_view text, std::string_view place = "--mode");
/// Parses "64,128,256", "64:4096" (doubling) or "64:4096:64" (step). @param place of the text, to
/// begin an error with @throws Error(Config)
std::vector<std::int64_t> parse_lengths(std::string_view text,
                                        std::string_view place = "--lengths");

/// Returns the trained length and its doublings to 16 times, up to the positions that a method can
/// tell apart.
std::vector<std::int64_t> default_lengths(std::int64_t train_length,
                                          std::optional<std::int64_t> max_positions);

/// One forward pass: targets [context_begin, end) are predicted, those of [score_begin, end) are
/// scored. Positions restart at context_begin.
struct Window {
  std::int64_t context_begin = 0;
  std::int64_t score_begin = 0;
  std::int64_t end = 0;
};

/// Returns the windows of a stream of num_tokens targets; every target is scored exactly once.
/// Non-overlapping: blocks of length, the short last one kept. Sliding: blocks of `stride` targets,
/// each with up to length - stride earlier ones as context. @throws Error(Config) for a stride over
/// length
std::vector<Window> make_windows(std::int64_t num_tokens, std::int64_t length, EvaluationMode mode);

}  // namespace longspan
