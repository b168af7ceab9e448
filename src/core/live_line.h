#pragma once

#include <string_view>

namespace longspan::log {

/// Shows a line of progress where stderr is a terminal, and nothing elsewhere; an empty one takes
/// the last away.
void show_live(std::string_view line);

}  // namespace longspan::log
