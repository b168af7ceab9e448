#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "longspan/data/batches.h"

namespace longspan {

std::unique_ptr<BatchPlan> make_shuffled_plan(const BatchPlanOptions& options);
std::unique_ptr<BatchPlan> make_sequential_plan(const BatchPlanOptions& options);
std::unique_ptr<BatchPlan> make_fairseq_plan(const BatchPlanOptions& options);
/// Of a mixture, in the order shuffled or sequential.
std::unique_ptr<BatchPlan> make_mixture_plan(const BatchPlanOptions& options);

/// What data.order may name.
struct BatchOrderKind {
  std::string_view name;
  BatchOrder value;
  std::unique_ptr<BatchPlan> (*make)(const BatchPlanOptions& options);
  int version;  ///< raised with any change of which blocks a step has
};

/// A new order is an enumerator, one file and one row here.
inline constexpr std::array kBatchOrders{
    BatchOrderKind{"shuffled", BatchOrder::Shuffled, make_shuffled_plan, 2},
    BatchOrderKind{"sequential", BatchOrder::Sequential, make_sequential_plan, 1},
    BatchOrderKind{"fairseq", BatchOrder::Fairseq, make_fairseq_plan, 1},
};

}  // namespace longspan
