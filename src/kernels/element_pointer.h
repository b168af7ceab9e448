#pragma once

#include <ATen/core/Tensor.h>

#include <type_traits>

namespace longspan {

/// Returns where a tensor's elements begin, null of an undefined one.
/// @tparam Element const: they are read alone
template <class Element>
Element* elements_or_null(const at::Tensor& x) {
  if (!x.defined()) return nullptr;
  if constexpr (std::is_const_v<Element>)
    return x.const_data_ptr<std::remove_const_t<Element>>();
  else
    return x.mutable_data_ptr<Element>();
}

}  // namespace longspan
