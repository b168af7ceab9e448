// One text out of a JSON object, read as a stream of events: records of a corpus may be large, and
// carry more than their text.
#include "longspan/core/json_text.h"

#include <optional>
#include <utility>

#include "core/json_reason.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"

namespace longspan {
namespace {

constexpr std::size_t kMaxReasonBytes = 160;

class TextFinder final : public Json::json_sax_t {
 public:
  TextFinder(std::string_view wanted, const JsonLine& line) : wanted_(wanted), line_(line) {}

  std::string take() {
    if (!text_) refuse(", it is not there");
    return std::move(*text_);
  }

  bool null() override { return pass("null"); }
  bool boolean(bool) override { return pass("true or false"); }
  bool number_integer(number_integer_t) override { return pass("a number"); }
  bool number_unsigned(number_unsigned_t) override { return pass("a number"); }
  bool number_float(number_float_t, const string_t&) override { return pass("a number"); }
  bool binary(binary_t&) override { return pass("bytes"); }

  bool string(string_t& value) override {
    if (!is_wanted_) return pass("a text");
    text_ = std::move(value);
    is_wanted_ = false;
    return true;
  }

  bool start_object(std::size_t) override {
    if (depth_ > 0) pass("an object");
    ++depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    pass("a list");
    ++depth_;
    return true;
  }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }

  bool key(string_t& name) override {
    is_wanted_ = depth_ == 1 && name == wanted_;
    if (is_wanted_ && text_) refuse(", it is there twice");
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&,
                   const nlohmann::detail::exception& failure) override {
    // The reason ends with what was read last, which may be a whole text.
    throw Error(ErrorKind::Data,
                concat(line_.file, ':', line_.number, ':', byte, ": must be a JSON object a line: ",
                       reason_of(failure.what()).substr(0, kMaxReasonBytes)));
  }

 private:
  // A value that is not the text, and must not stand in its place.
  bool pass(const char* what) {
    if (depth_ == 0)
      throw Error(ErrorKind::Data, concat(line_.file, ':', line_.number,
                                          ": must be a JSON object a line, found ", what));
    if (is_wanted_) refuse(concat(", found ", what));
    return true;
  }
  [[noreturn]] void refuse(const std::string& found) const {
    throw Error(ErrorKind::Data,
                concat(line_.file, ':', line_.number,
                       ": an object must have one text under the key ", wanted_, found));
  }

  std::string_view wanted_;
  const JsonLine& line_;
  std::size_t depth_ = 0;
  bool is_wanted_ = false;  // the value that comes next
  std::optional<std::string> text_;
};

}  // namespace

std::string json_text_of(std::string_view object, std::string_view key, const JsonLine& line) {
  TextFinder finder(key, line);
  Json::sax_parse(object, &finder);
  return finder.take();
}

}  // namespace longspan
