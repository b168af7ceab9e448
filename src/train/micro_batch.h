#pragma once

#include "longspan/distributed/communicator.h"
#include "longspan/run/run_config.h"

namespace longspan {

/// How many ranks there are, and how many of them on this host.
struct HostRanks {
  int all = 1;
  int here = 1;
};
/// Collective.
HostRanks ranks_on_this_host(Communicator& communicator);

/// Returns the tokens of the largest micro-batch that fits beside everything else, so that the
/// passes of a step are as equal as they can be: passes over one and two sequences are measured,
/// and memory grows with each further sequence by their difference. Leaves no gradients.
/// @throws Error(Memory) when not even one sequence fits @param ranks on this host share its
/// memory, but each has its own GPU
std::int64_t find_micro_batch_tokens(const RunConfig& config, const Transformer& model,
                                     const HostRanks& ranks = {});

/// Returns how many of num_sequences go into a pass when each takes bytes_a_sequence and all of
/// them may take budget_bytes; 0 when one does not fit.
std::int64_t sequences_that_fit(std::int64_t num_sequences, std::int64_t bytes_a_sequence,
                                std::int64_t budget_bytes);

}  // namespace longspan
