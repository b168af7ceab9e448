#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/core/error.h"

namespace longspan::config {

/// A name that a config value may have, and what it stands for: an enumerator, say, or the function
/// that reads a kind's own options. One constant table holds a family, each name and value once:
/// `constexpr std::array kOrders{Choice{"shuffled", Order::Shuffled}, ...}`. A row may be any other
/// struct with these two members.
template <class Value>
struct Choice {
  std::string_view name;
  Value value;
};
template <class Value>
Choice(std::string_view, Value) -> Choice<Value>;  // clang before 17 does not deduce it

/// Returns a table's names in its order.
template <class Row, std::size_t N>
std::vector<std::string> names_of(const std::array<Row, N>& table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

/// Returns a value's row. @throws Error(Internal) for a value that the table lacks
template <class Row, std::size_t N>
const Row& row_of(const std::array<Row, N>& table, const decltype(Row::value)& value) {
  const auto found = std::ranges::find(table, value, &Row::value);
  check(found != table.end(), ErrorKind::Internal, "a table of names must hold each value");
  return *found;
}

/// Returns the name of a value, as a config file spells it. @throws Error(Internal) for a value
/// that the table lacks
template <class Row, std::size_t N>
std::string_view name_of(const std::array<Row, N>& table, const decltype(Row::value)& value) {
  return row_of(table, value).name;
}

/// Returns what a name stands for. @throws Error(Internal) for a name that the table lacks
template <class Row, std::size_t N>
const auto& value_of(const std::array<Row, N>& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Row::name);
  check(found != table.end(), ErrorKind::Internal, "a name must stand in its table, got ", name);
  return found->value;
}

/// Reads one of a table's names as what it stands for. Errors, and what resolved() prints, are
/// those of Reader::choice. @throws Error(Config)
template <class Row, std::size_t N>
const auto& choice(const Reader& reader, std::string_view key, const std::array<Row, N>& table) {
  return value_of(table, reader.choice(key, names_of(table)));
}
/// @param fallback in the table; taken where the key is missing
template <class Row, std::size_t N>
const auto& choice(const Reader& reader, std::string_view key, const std::array<Row, N>& table,
                   const decltype(Row::value)& fallback) {
  return value_of(table,
                  reader.choice(key, names_of(table), std::string(name_of(table, fallback))));
}

}  // namespace longspan::config
