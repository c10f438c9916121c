// Modelfiles: how a model is made from another one, as text.
//
//   # a comment
//   FROM llama3.1:8b
//   PARAMETER temperature 0.6
//   PARAMETER stop "<|eot_id|>"
//   SYSTEM """You are terse.
//   Answer in one line."""
//   MESSAGE user Is it warm?
//   MESSAGE assistant No.
//
// Commands are of any case. A value is the rest of its line without outer white space; or it stands in "…" or
// """…""", which may go over several lines and ends where a line ends with the quotes that it began with.
// Nothing is escaped.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::store {

// Why what brings an adapter is refused, and what to do.
inline constexpr std::string_view kNoAdapters = "adapters are not applied while a model runs";
inline constexpr std::string_view kMergeAdapter = "merge it into the weights and give those to FROM";

struct Modelfile {
  struct Parameter {
    std::string name;   // lower case
    std::string value;  // as it was written, without quotes; fits the parameter's type
  };
  struct Message {
    std::string role;  // "system", "user" or "assistant"
    std::string content;
  };

  std::vector<std::string> from;  // a model's name or paths, at least one
  std::vector<Parameter> parameters;
  std::optional<std::string> template_text;
  std::optional<std::string> system;
  std::vector<std::string> licenses;
  std::vector<Message> messages;
  std::vector<std::string> warnings;  // what was read and has no effect, a sentence each
};

// UTF-8 or, with a byte order mark, UTF-16.
// Errors, with the line: kInvalidArgument for what breaks the rules, parameters that are not known and values
// that do not fit them; kUnsupported for ADAPTER and DRAFT.
Result<Modelfile> parse_modelfile(std::string_view text);

// What FROM has for a model of `n_files` files. The first of several leads to the others by its name; blobs
// of a store have none that says so, and the model itself stands for them.
std::string weights_for_from(std::string_view model, const std::filesystem::path& first, size_t n_files);

// Text that parse_modelfile() reads back as the same (but for warnings).
// Errors: kInvalidArgument for a value that no kind of quotes can hold.
Result<std::string> write_modelfile(const Modelfile& modelfile);

enum class ParameterType { kInteger, kNumber, kBoolean, kText };
// nullopt for a name that is not one. "stop" is the only text, and the only one that may be given several
// times.
std::optional<ParameterType> parameter_type(std::string_view name);
// Of Ollama's older releases: accepted and without effect.
bool is_former_parameter(std::string_view name);

}  // namespace hearth::store
