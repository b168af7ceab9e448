#pragma once

#include <memory>

#include "longspan/position/position.h"

namespace longspan {

// Each kind's `read` fills its options from the position section, whose `kind` is already read;
// its `make` fits the method to a model.
void read(const config::Reader& reader, AlibiOptions& options);
void read(const config::Reader& reader, AlibiLearnedOptions& options);
void read(const config::Reader& reader, FireOptions& options);
void read(const config::Reader& reader, KerpleOptions& options);
void read(const config::Reader& reader, LearnedOptions& options);
void read(const config::Reader& reader, NoPositionOptions& options);
void read(const config::Reader& reader, RotaryOptions& options);
void read(const config::Reader& reader, SandwichOptions& options);
void read(const config::Reader& reader, SinusoidalOptions& options);
void read(const config::Reader& reader, T5Options& options);
void read(const config::Reader& reader, XPosOptions& options);

/// Reads `interpolation`, at least 1.
double read_interpolation(const config::Reader& reader, double fallback);

using MethodPointer = std::unique_ptr<PositionMethod>;

MethodPointer make(const AlibiOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const AlibiLearnedOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const FireOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const KerpleOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const LearnedOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const NoPositionOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const RotaryOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const SandwichOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const SinusoidalOptions& options, const PositionDimensions& dimensions);
MethodPointer make(const T5Options& options, const PositionDimensions& dimensions);
MethodPointer make(const XPosOptions& options, const PositionDimensions& dimensions);

}  // namespace longspan
