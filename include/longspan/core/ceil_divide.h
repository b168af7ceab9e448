#pragma once

namespace longspan {

/// Returns how many pieces of up to `size` hold `count` things. @param count >= 0 @param size > 0
template <class Integer>
constexpr Integer ceil_divide(Integer count, Integer size) {
  return (count + size - 1) / size;
}

}  // namespace longspan
