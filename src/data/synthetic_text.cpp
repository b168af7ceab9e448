// Articles in WikiText's form. Each has its own few people, places, topic words and phrases that
// come back again and again, so that what was said far back helps to tell what comes next. Article
// i depends on (seed, i) alone.
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/synthetic_language.h"
#include "longspan/data/text.h"

namespace longspan {
namespace {

constexpr std::size_t kMeanings = SyntheticLanguage::kMeanings;

constexpr std::string_view kSections[] = {"Background", "Early life", "Career",      "Design",
                                          "History",    "Legacy",     "Later years", "Production",
                                          "Reception",  "Release"};
constexpr std::string_view kPrepositions[] = {"in",    "near",   "with",  "from",
                                              "after", "before", "under", "for"};

struct Person {
  std::string_view first_name;
  std::string_view surname;
  std::string_view pronoun;
};

/// Writes one article.
class ArticleWriter {
 public:
  using Emit = std::function<void(std::string_view)>;

  ArticleWriter(const SyntheticLanguage& language, std::uint64_t seed, std::uint64_t article,
                const Emit& emit)
      : language_(language), random_(seed, RandomPurpose::SyntheticText, article), emit_(emit) {
    choose_topic();
    choose_cast();
    choose_phrases();
  }

  void write() {
    const std::uint64_t wanted_tokens = 300 + random_.below(2701);
    blank_line();
    heading(1, concat_name(people_[0]));
    while (tokens_ < wanted_tokens) {
      if (tokens_ > 20) heading(2, pick(kSections, random_));
      for (std::uint64_t paragraphs = 1 + random_.below(3); paragraphs > 0; --paragraphs)
        paragraph();
      blank_line();
    }
  }

 private:
  bool chance(double probability) { return random_.uniform() < probability; }

  void choose_topic() {
    for (std::size_t& meaning : meanings_)
      meaning = static_cast<std::size_t>(random_.below(kMeanings));
    for (std::vector<std::string_view>& nouns : preferred_nouns_) {
      for (int i = 0; i < 2; ++i) nouns.push_back(pick(language_.nouns, random_));
    }
  }

  void choose_cast() {
    for (std::uint64_t people = 3 + random_.below(3); people > 0; --people) {
      Person person;
      person.first_name = pick(language_.first_names, random_);
      person.surname = pick(language_.surnames, random_);
      person.pronoun = chance(0.5) ? "He" : "She";
      people_.push_back(person);
    }
    for (int i = 0; i < 2; ++i) places_.push_back(pick(language_.places, random_));
    for (int i = 0; i < 3; ++i) years_.push_back(std::to_string(1900 + random_.below(100)));
  }

  // A phrase is any words: only having read it tells how it goes on.
  void choose_phrases() {
    for (std::vector<std::string_view>& phrase : phrases_) {
      phrase.push_back(usual_word(language_.adjectives, random_.below(kMeanings), random_));
      phrase.push_back(usual_word(language_.nouns, random_.below(kMeanings), random_));
      phrase.push_back("of");
      phrase.push_back(usual_word(language_.nouns, random_.below(kMeanings), random_));
    }
  }

  static std::string concat_name(const Person& person) {
    return std::string(person.first_name) + ' ' + std::string(person.surname);
  }

  void emit_line(std::string_view line) {
    ++tokens_;  // the end of the line
    emit_(line);
  }
  void blank_line() { emit_line(" "); }
  void heading(int depth, std::string_view title) {
    std::string line = " ";
    for (int i = 0; i < depth; ++i) line += "= ";
    line += title;
    for (int i = 0; i < depth; ++i) line += " =";
    line += ' ';
    emit_line(line);
    blank_line();
  }

  void add(std::string_view word) {
    line_ += word;
    line_ += ' ';
    ++tokens_;
  }

  void paragraph() {
    line_ = " ";
    named_ = false;
    hero_ = pick(people_, random_);
    for (std::uint64_t sentences = 4 + random_.below(6); sentences > 0; --sentences) sentence();
    emit_line(line_);
  }

  void sentence() {
    const std::size_t meaning = pick(meanings_, random_);
    switch (random_.below(8)) {
      case 0:
        hero();
        verb(meaning);
        noun_phrase(next(meaning));
        break;
      case 1:
        hero();
        verb(meaning);
        surname();
        in_place();
        break;
      case 2:
        add("In");
        add(pick(years_, random_));
        add(",");
        surname();
        verb(meaning);
        noun_phrase(next(meaning));
        in_place();
        break;
      case 3:
        add("The");
        phrase();
        add("was");
        verb(meaning);
        add("by");
        surname();
        break;
      case 4:
        surname();
        add("and");
        surname();
        verb(meaning);
        noun_phrase(next(meaning));
        break;
      case 5:
        add("The");
        noun(meaning);
        add("of");
        add(pick(places_, random_));
        add("was");
        adjective(meaning);
        break;
      case 6:
        hero();
        add("said");
        add("that");
        surname();
        verb(meaning);
        noun_phrase(next(meaning));
        break;
      default:
        surname();
        add("was");
        adjective(meaning);
        add(",");
        add("but");
        surname();
        verb(meaning);
        noun_phrase(next(meaning));
    }
    add(".");
  }

  void in_place() {
    add("in");
    add(pick(places_, random_));
  }

  // The full name once a paragraph, then the pronoun or the surname.
  void hero() {
    if (!named_) {
      add(hero_.first_name);
      add(hero_.surname);
      named_ = true;
    } else if (chance(0.5)) {
      add(hero_.pronoun);
    } else {
      add(hero_.surname);
    }
  }
  void surname() { add(pick(people_, random_).surname); }

  void noun_phrase(std::size_t meaning) {
    if (chance(0.1)) {
      add("the");
      phrase();
      return;
    }
    add(chance(0.6) ? "the" : "a");
    if (chance(0.3)) adjective(meaning);
    noun(meaning);
  }

  void phrase() {
    for (const std::string_view word : pick(phrases_, random_)) add(word);
  }
  void noun(std::size_t meaning) {
    add(chance(0.15) ? pick(preferred_nouns_[meaning % 4], random_)
                     : std::string_view(usual_word(language_.nouns, meaning, random_)));
  }
  void verb(std::size_t meaning) { add(usual_word(language_.verbs, meaning, random_)); }
  void adjective(std::size_t meaning) { add(usual_word(language_.adjectives, meaning, random_)); }

  static std::size_t next(std::size_t meaning) { return (meaning + 1) % kMeanings; }

  const SyntheticLanguage& language_;
  RandomStream random_;
  const Emit& emit_;
  std::array<std::vector<std::string_view>, 4> preferred_nouns_;
  std::array<std::size_t, 4> meanings_{};
  std::vector<Person> people_;
  std::vector<std::string_view> places_;
  std::vector<std::string> years_;
  std::array<std::vector<std::string_view>, 3> phrases_;

  std::string line_;
  Person hero_;
  bool named_ = false;
  std::uint64_t tokens_ = 0;
};

}  // namespace

void write_synthetic_text(const SyntheticConfig& config,
                          const std::function<void(std::string_view)>& emit) {
  const SyntheticLanguage language(config.vocab_words);
  for (std::int64_t article = 0; article < config.num_articles; ++article) {
    ArticleWriter(language, static_cast<std::uint64_t>(config.seed),
                  static_cast<std::uint64_t>(article), emit)
        .write();
  }
}

}  // namespace longspan
