#pragma once

#include <string>
#include <vector>

#include "longspan/config/reader.h"
#include "unit/core/error_of.h"

namespace longspan::config::testing {

/// Reads a text that errors call "c.yaml".
inline Document document_of(const std::string& text,
                            const std::vector<std::string>& overrides = {}) {
  return Document::from_text(text, "c.yaml", ".", overrides);
}

/// Returns the text of the Config error that action throws.
template <class Action>
std::string refusal_of(Action action) {
  const Error error = longspan::testing::error_of(action);
  CHECK(error.kind() == ErrorKind::Config);
  const std::string text = error.what();
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

/// Returns the error of reading a text at all.
inline std::string refusal_of_text(const std::string& text) {
  return refusal_of([&] { document_of(text); });
}

/// Returns the error of reading a text with an override.
inline std::string refusal_of_override(const std::string& text, const std::string& override_text) {
  return refusal_of([&] { document_of(text, {override_text}); });
}

}  // namespace longspan::config::testing
