#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace longspan {

/// How the next token is drawn. The steps come in this order, as they do in transformers.
struct SamplingOptions {
  /// Divides the log p of the tokens seen so far by this where that makes them less likely:
  /// log p * penalty, since log p is not above 0. @see Keskar et al. 2019, arXiv:1909.05858
  double repetition_penalty = 1.0;
  double temperature = 1.0;  ///< divides log p; 0: the likeliest token, the lowest id of equals
  std::int64_t top_k = 0;  ///< only the k likeliest; 0: all. @see Fan et al. 2018, arXiv:1805.04833
  /// Of these only the fewest likeliest whose share reaches p. @see Holtzman et al. 2020,
  /// arXiv:1904.09751
  double top_p = 1.0;
};

/// @throws Error(Config) that names the option
void check_sampling(const SamplingOptions& options);

/// Draws tokens; for one thread.
class Sampler {
 public:
  struct Choice {
    std::int32_t id = 0;
    double log_probability = 0;  ///< the model's, in nats
  };

  /// @throws Error(Config) as check_sampling()
  explicit Sampler(const SamplingOptions& options);

  /// Chooses a token, a function of its arguments. @param log_probabilities of all ids, in nats
  /// @param seen ids that the penalty is for @param uniform in [0, 1)
  /// @throws Error(Numeric) for a log p that is NaN
  Choice choose(std::span<const float> log_probabilities, std::span<const std::int32_t> seen,
                double uniform);

 private:
  struct Entry {
    double score;
    std::int32_t id;
  };
  /// The order in which tokens are taken from the heap: the likeliest first.
  static bool is_behind(const Entry& a, const Entry& b) {
    return a.score != b.score ? a.score < b.score : a.id > b.id;
  }
  void fill(std::span<const float> log_probabilities, std::span<const std::int32_t> seen);
  double total_mass() const;
  double mass_of(std::size_t rank);
  std::int32_t draw(double uniform);

  SamplingOptions options_;
  std::vector<Entry> heap_;           // what is not taken yet, in front of the taken
  std::vector<std::uint32_t> marks_;  // by id: the last call that saw it
  std::uint32_t call_ = 0;
  std::size_t num_taken_ = 0;
  double greatest_ = 0;
};

}  // namespace longspan
