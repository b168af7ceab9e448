// The table of batch orders. A new order is one file and one row here.
#include <string_view>

#include "data/batch_orders.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

struct BatchOrder {
  std::string_view name;
  std::unique_ptr<BatchPlan> (*make)(const BatchPlanOptions& options);
};

constexpr BatchOrder kOrders[] = {
    {"shuffled", make_shuffled_plan},
    {"sequential", make_sequential_plan},
    {"fairseq", make_fairseq_plan},
};

}  // namespace

std::vector<std::string> batch_orders() {
  std::vector<std::string> names;
  for (const BatchOrder& order : kOrders) names.emplace_back(order.name);
  return names;
}

std::unique_ptr<BatchPlan> make_batch_plan(const BatchPlanOptions& options) {
  check(options.num_blocks > 0, ErrorKind::Data,
        "the training text must have at least one block, got ", options.num_blocks);
  check(options.sequences_per_step > 0, ErrorKind::Config,
        "a step must have at least one sequence, got ", options.sequences_per_step);
  for (const BatchOrder& order : kOrders) {
    if (order.name == options.order) return order.make(options);
  }
  throw Error(ErrorKind::Config, concat("data.order must be a known order, got ", options.order));
}

}  // namespace longspan
