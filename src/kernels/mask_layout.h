#pragma once

#include <cstdint>

namespace longspan {

/// Says which element of a row uses which random bits, on any device: 64 neighbours share 8 Philox
/// blocks, one a lane; element i of a chunk takes lane i % 8 and the 16-bit piece i / 8 of that
/// lane's 128 bits.
inline constexpr std::int64_t kMaskChunk = 64;
inline constexpr std::int64_t kMaskLanes = 8;
inline constexpr std::int64_t kMaskPieces = kMaskChunk / kMaskLanes;

}  // namespace longspan
