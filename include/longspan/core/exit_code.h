#pragma once

namespace longspan {

// What the program ends with; 128 + n where signal n ended it.
inline constexpr int kDone = 0;
inline constexpr int kInternalError = 1;
inline constexpr int kUsageError = 2;
inline constexpr int kDataError = 3;
inline constexpr int kCheckpointError = 4;
inline constexpr int kDiverged = 5;
inline constexpr int kLostPeers = 6;
inline constexpr int kOutOfMemory = 7;
inline constexpr int kSignalled = 128;  ///< and the number of a signal

}  // namespace longspan
