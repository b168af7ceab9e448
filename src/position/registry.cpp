// Finds a kind by its name. The kinds are the alternatives of PositionOptions: a method that is not
// one of them cannot be made, one that is cannot be forgotten here.

#include <utility>

#include "longspan/core/error.h"
#include "position/kinds.h"
#include "position/window.h"

namespace longspan {
namespace {

template <std::size_t... I>
std::vector<PositionOptions> all_kinds(std::index_sequence<I...>) {
  return {std::variant_alternative_t<I, PositionOptions>{}...};
}

std::vector<PositionOptions> all_kinds() {
  return all_kinds(std::make_index_sequence<std::variant_size_v<PositionOptions>>{});
}

std::string name_of(const PositionOptions& options) {
  return std::visit([](const auto& own) { return std::string(own.kKind); }, options);
}

}  // namespace

std::vector<std::string> position_kinds() {
  std::vector<std::string> names;
  for (const auto& options : all_kinds()) names.push_back(name_of(options));
  return names;
}

PositionOptions default_position_options(std::string_view kind) {
  for (const auto& options : all_kinds())
    if (name_of(options) == kind) return options;
  unreachable();
}

std::unique_ptr<PositionMethod> make_position(const PositionOptions& options,
                                              const PositionDimensions& dimensions) {
  return std::visit([&](const auto& own) { return make(own, dimensions); }, options);
}

double read_interpolation(const config::Reader& reader, double fallback) {
  return reader.number("interpolation", {.low = 1.0, .high = 1e6}, fallback);
}

std::unique_ptr<PositionMethod> PositionConfig::make(const PositionDimensions& dimensions) const {
  auto method = make_position(options, dimensions);
  if (window == 0) return method;
  return std::make_unique<WindowedPosition>(std::move(method), dimensions.num_heads, window);
}

PositionConfig read_position_config(const config::Reader& reader) {
  PositionConfig result;
  result.kind = reader.choice("kind", position_kinds());
  result.options = default_position_options(result.kind);
  std::visit([&](auto& own) { read(reader, own); }, result.options);
  result.window = reader.integer("window", {.low = 0, .high = std::int64_t{1} << 40}, 0);
  reader.finish();
  return result;
}

}  // namespace longspan
