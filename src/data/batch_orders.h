#pragma once

#include <memory>

#include "longspan/data/batches.h"

namespace longspan {

std::unique_ptr<BatchPlan> make_shuffled_plan(const BatchPlanOptions& options);
std::unique_ptr<BatchPlan> make_sequential_plan(const BatchPlanOptions& options);
std::unique_ptr<BatchPlan> make_fairseq_plan(const BatchPlanOptions& options);

}  // namespace longspan
