// The table of position methods: a new method adds its line here and nothing outside this folder.

#include <array>
#include <string_view>

#include "longspan/core/error.h"
#include "position/kinds.h"

namespace longspan {
namespace {

struct Kind {
  std::string_view name;
  PositionMaker (*read)(const config::Reader&);
};

constexpr std::array kKinds{
    Kind{"alibi", read_alibi},
    Kind{"alibi_learned", read_alibi_learned},
    Kind{"sinusoidal", read_sinusoidal},
    Kind{"rotary", read_rotary},
    Kind{"t5", read_t5},
    Kind{"xpos", read_xpos},
    Kind{"kerple", read_kerple},
    Kind{"fire", read_fire},
    Kind{"sandwich", read_sandwich},
    Kind{"learned", read_learned},
    Kind{"none", read_none},
};

}  // namespace

std::vector<std::string> position_kinds() {
  std::vector<std::string> names;
  for (const auto& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

PositionConfig read_position_config(const config::Reader& reader) {
  const std::string name = reader.choice("kind", position_kinds());
  for (const auto& kind : kKinds) {
    if (kind.name != name) continue;
    PositionConfig result{name, kind.read(reader)};
    reader.finish();
    return result;
  }
  unreachable();
}

}  // namespace longspan
