#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace longspan {

/// Reads the fields of a message of a protocol buffer one by one, where it lies.
class MessageFields {
 public:
  /// @param source names the file in errors; must outlive the reader
  MessageFields(std::string_view message, const std::string& source)
      : rest_(message), source_(source) {}

  /// Goes to the next field. @return false when none is left  @throws Error(Data)
  bool next();
  std::uint64_t number() const { return number_; }
  /// Returns the bytes of a field that holds bytes, a text or a message; none of another's.
  std::string_view content() const { return content_; }
  /// Returns the value of a field that holds an integer, a boolean or an enumerator; else 0.
  std::uint64_t integer() const { return integer_; }
  /// Returns the value of a field that holds a float; 0 of another's.
  float real() const { return real_; }

 private:
  void demand(bool ok) const;
  std::string_view take(std::uint64_t size);
  std::uint64_t varint();

  std::string_view rest_, content_;
  const std::string& source_;
  std::uint64_t number_ = 0, integer_ = 0;
  float real_ = 0;
};

}  // namespace longspan
