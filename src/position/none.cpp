// No position signal at all (NoPE): order is told from the causal mask alone (Kazemnejad et al.,
// arXiv:2305.19466).

#include "position/kinds.h"

namespace longspan {
namespace {

class None final : public PositionMethod {};

}  // namespace

void read(const config::Reader&, NoPositionOptions&) {}

MethodPointer make(const NoPositionOptions&, const PositionDimensions&) {
  return std::make_unique<None>();
}

}  // namespace longspan
