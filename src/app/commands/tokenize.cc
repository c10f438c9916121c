// tokenize: text to token ids and back.
#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/terminal_text.h"
#include "text/utf8.h"

namespace hearth::app {
namespace {

using api::Json;
using text::TokenId;

struct TokenizeOptions {
  std::string model;
  std::vector<std::string> text;
  bool ids = false;
  bool count = false;
  bool json = false;
  bool special = false;
  bool add_special = false;
  bool decode = false;
};

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

// Numbers between anything that lists are written with: "[1, 2]", "1 2".
Result<std::vector<TokenId>> parse_ids(std::string_view text, size_t vocab_size) {
  constexpr std::string_view kBetween = " \t\r\n,;[]";
  std::vector<TokenId> ids;
  for (size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;
       at = text.find_first_not_of(kBetween, at)) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    TokenId id = 0;
    const auto [rest, problem] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (problem != std::errc() || rest != word.data() + word.size()) {
      return fail(ErrorCategory::kInvalidArgument, "\"{}\" is not a token id", word.substr(0, 40));
    }
    if (id < 0 || static_cast<size_t>(id) >= vocab_size) {
      return fail(ErrorCategory::kInvalidArgument, "token {} is not in the vocabulary of {} tokens", id,
                  vocab_size);
    }
    ids.push_back(id);
    at = end;
    if (at == text.size()) break;
  }
  return ids;
}

Json token_json(const text::Tokenizer& tokenizer, TokenId id) {
  const std::string piece = tokenizer.piece(id, true);
  Json json = {{"id", id}, {"piece", piece}};
  if (!text::is_valid_utf8(piece)) {
    json["bytes"] = Json::array();
    for (const char c : piece) json["bytes"].push_back(static_cast<unsigned char>(c));
  }
  return json;
}

void print_tokens(const text::Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                  const TokenizeOptions& options, const Environment& environment) {
  if (options.json) {
    Json json = {{"count", ids.size()}};
    if (!options.count) {
      json["tokens"] = Json::array();
      for (const TokenId id : ids)
        json["tokens"].push_back(options.ids ? Json(id) : token_json(tokenizer, id));
    }
    environment.print(api::dump(json) + "\n");
  } else if (options.count) {
    environment.print(fmt::format("{}\n", ids.size()));
  } else if (options.ids) {
    environment.print(fmt::format("{}\n", fmt::join(ids, " ")));
  } else {
    for (const TokenId id : ids) {
      environment.print_untrusted(fmt::format("{:>8}  {}\n", id, api::dump(Json(tokenizer.piece(id, true)))));
    }
  }
}

Status run_tokenize(const TokenizeOptions& options, Environment& environment) {
  HEARTH_TRY(const ModelArgument model, find_model(options.model, environment.variables));
  HEARTH_TRY(const gguf::ModelFile file, open_model_file(model));
  HEARTH_TRY(const std::unique_ptr<text::Tokenizer> tokenizer, open_tokenizer(file));
  std::string text = joined(options.text);
  if (options.text.empty()) {
    HEARTH_TRY(text, environment.read_input());
  }
  if (!options.decode) {
    const auto ids =
        tokenizer->encode(text, {.add_special = options.add_special, .parse_special = options.special});
    print_tokens(*tokenizer, ids, options, environment);
    return {};
  }
  HEARTH_TRY(const std::vector<TokenId> ids, parse_ids(text, tokenizer->vocab_size()));
  const std::string decoded = tokenizer->decode(ids, options.special);
  if (options.json) {
    environment.print(api::dump(Json{{"text", decoded}}) + "\n");
  } else {
    environment.print_untrusted(decoded);
    if (environment.out_is_terminal) environment.print("\n");
  }
  return {};
}

}  // namespace

void add_tokenize(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = app.add_subcommand("tokenize", "Show the token ids of a text, or the text of ids");
  command->add_option("MODEL", options->model, "A model of the store, or the path of a GGUF file")
      ->required();
  command->add_option("TEXT", options->text,
                      "Text, or ids with --decode; standard input, byte for byte, without it");
  command->add_flag("--ids", options->ids, "Print the ids alone, on one line");
  command->add_flag("--count", options->count, "Print how many tokens there are")->excludes("--ids");
  command->add_flag("--json", options->json, "Print JSON");
  command->add_flag("--special", options->special,
                    "Let text spell control tokens; with --decode, show them in the text");
  command->add_flag("--add-special", options->add_special,
                    "Add the tokens this vocabulary puts around every text (BOS, EOS)");
  command->add_flag("--decode", options->decode, "Turn ids into text");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_tokenize(*options, environment); };
  });
}

}  // namespace hearth::app
