// No position signal at all (NoPE): order is told from the causal mask alone (Kazemnejad et al.,
// arXiv:2305.19466).

#include "position/kinds.h"

namespace longspan {
namespace {

class None final : public PositionMethod {};

}  // namespace

PositionMaker read_none(const config::Reader&) {
  return [](const PositionDimensions&) { return std::make_unique<None>(); };
}

}  // namespace longspan
