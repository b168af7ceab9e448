// What every batch order needs, and the choice among them.
#include "data/batch_orders.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"

namespace longspan {

std::string_view name_of(BatchOrder order) { return config::name_of(kBatchOrders, order); }

int version_of(BatchOrder order) { return config::row_of(kBatchOrders, order).version; }

std::unique_ptr<BatchPlan> make_batch_plan(const BatchPlanOptions& options) {
  check(options.num_blocks > 0, ErrorKind::Data,
        "the training text must have at least one block, got ", options.num_blocks);
  check(options.sequences_per_step > 0, ErrorKind::Config,
        "a step must have at least one sequence, got ", options.sequences_per_step);
  if (!options.corpora.empty()) return make_mixture_plan(options);
  return config::row_of(kBatchOrders, options.order).make(options);
}

}  // namespace longspan
