#pragma once

#include <sentencepiece_processor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace longspan {

/// Encodes documents, line breaks included, to the ids that the library gives for the whole text.
/// The library's memory is many times the text's, so that a long one is cut at line breaks where
/// the model lets that change nothing.
class DocumentEncoder {
 public:
  /// @param processor must outlive the encoder  @param prefix_space whether a model that puts a
  /// space in front of a text may do so
  DocumentEncoder(const sentencepiece::SentencePieceProcessor& processor, bool prefix_space);

  void encode(std::string_view document, std::vector<std::int32_t>& ids) const;
  /// Returns whether long documents are cut.
  bool cuts() const { return cuts_; }

 private:
  std::vector<int> pieces_of(std::string_view text) const;
  bool is_cut_without_change(const std::string& front, const std::string& back) const;
  bool has_piece_across_lines() const;

  const sentencepiece::SentencePieceProcessor& processor_;
  bool prefix_space_;
  std::size_t num_prefix_ = 0, num_break_ = 0;  // ids of the space in front and of a line break
  bool cuts_ = false;
};

}  // namespace longspan
