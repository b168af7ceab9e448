#pragma once

#include <functional>
#include <memory>

#include "longspan/position/position.h"

namespace longspan {

using PositionMaker = std::function<std::unique_ptr<PositionMethod>(const PositionDimensions&)>;

// Each reads its own options from the position section (whose `kind` is already read) and returns a
// maker.
PositionMaker read_alibi(const config::Reader& reader);
PositionMaker read_alibi_learned(const config::Reader& reader);
PositionMaker read_fire(const config::Reader& reader);
PositionMaker read_kerple(const config::Reader& reader);
PositionMaker read_learned(const config::Reader& reader);
PositionMaker read_none(const config::Reader& reader);
PositionMaker read_rotary(const config::Reader& reader);
PositionMaker read_sandwich(const config::Reader& reader);
PositionMaker read_sinusoidal(const config::Reader& reader);
PositionMaker read_t5(const config::Reader& reader);
PositionMaker read_xpos(const config::Reader& reader);

}  // namespace longspan
