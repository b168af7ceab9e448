#pragma once

#include <type_traits>

namespace longspan {

/// What sums over elements of a type are formed in; sums_of() for types that are known at run time.
template <class Element>
using SumOf = std::conditional_t<std::is_same_v<Element, double>, double, float>;

}  // namespace longspan
