#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/core/named_tensors.h"
#include "longspan/generate/generate.h"
#include "longspan/tokenizer/tokenizer.h"
#include "unit/interop/our_model.h"

/// What another project's program makes of a model that went out or comes in: logits, a greedy
/// continuation, the ids of texts. The programs are those of this folder, in Python.
namespace longspan::testing {

using Ids = std::vector<std::int32_t>;
inline constexpr std::int64_t kNewTokens = 64;

/// Skips the test where PYTHON does not name an interpreter, or that one lacks a package.
/// @return the interpreter
std::string python_with(const std::string& packages);

/// Runs a program of this folder, which must end well.
void run_program(const std::string& name, const std::vector<std::filesystem::path>& arguments);

/// A model, where it went, and texts for its tokenizer.
struct Comparison {
  std::string name, model_type;
  std::filesystem::path exported;
  Json texts = Json::array();
};

/// Has a program of this folder answer for all models, since starting it takes longer than they do.
void ask(const std::string& program, const std::vector<Comparison>& comparisons,
         std::int64_t vocab_size);

/// What it made of one, which it was asked for.
class Answer {
 public:
  explicit Answer(const std::filesystem::path& exported);
  at::Tensor operator[](const std::string& name) const;
  Ids ids(const std::string& name) const;
  std::string text(const std::string& name) const;

 private:
  NamedTensors answer_;
};

/// Compares logits, which are log p but for a constant a place, relative to the largest, and a
/// continuation; prints what was found.
void check_equal(const Transformer& model, const std::string& name, const Answer& theirs,
                 double limit = 1e-4);

std::unique_ptr<Tokenizer> no_tokenizer(std::int64_t vocab_size);

/// Returns a shape with other keys; those that are empty stay.
Shape with(Shape shape, const std::string& model, const std::string& position = "",
           const std::string& embedding = "");

}  // namespace longspan::testing
