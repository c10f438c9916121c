#include "api/llama_server/text_routes.h"

#include <ctime>

#include "api/generation_reply.h"
#include "api/openai/chat_request.h"
#include "api/token_lists.h"
#include "text/utf8.h"

namespace hearth::api::llama_server {
namespace {

using serving::ChatPrompt;
using serving::TextModel;
using Words = std::shared_ptr<const TextModel>;

Parsed<Words> words_of_body(serving::GenerationService& service, const Json& body) {
  HEARTH_API_TRY(const auto model, read_string(body, "model", "model", kMaxNameBytes));
  return words_of(service, model);
}

// A token's bytes: text where they are whole characters, else the numbers.
Json piece_json(const std::string& bytes) {
  if (text::is_valid_utf8(bytes)) return bytes;
  Json numbers = Json::array();
  for (const char c : bytes) numbers.push_back(static_cast<unsigned char>(c));
  return numbers;
}

template <typename T>
Parsed<T> checked(Result<T> result) {
  if (!result) return tl::unexpected<ApiError>(from_error(result.error()));
  return std::move(*result);
}

// The conversation of an OpenAI chat body.
struct Conversation {
  Words words;
  ChatPrompt prompt;
};

Parsed<Conversation> read_conversation(serving::GenerationService& service, const std::string& body) {
  HEARTH_API_TRY(auto request, openai::parse_chat_request(body));
  serving::GenerationRequest& generation = request.generations.front();
  Conversation conversation;
  HEARTH_API_TRY(conversation.words, words_of(service, generation.model));
  conversation.prompt = std::move(std::get<ChatPrompt>(generation.prompt));
  return conversation;
}

}  // namespace

Parsed<Words> words_of(serving::GenerationService& service, const std::string& model) {
  HEARTH_API_TRY(const std::string name, requested_model(service, model));
  return checked(service.text_model(name));
}

Parsed<std::string> tokenize(serving::GenerationService& service, const std::string& text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  HEARTH_API_TRY(const auto content, read_string(body, "content", "content", kNoLimit));
  HEARTH_API_TRY(const bool add_special, read_bool(body, "add_special", false));
  HEARTH_API_TRY(const bool parse_special, read_bool(body, "parse_special", true));
  HEARTH_API_TRY(const bool with_pieces, read_bool(body, "with_pieces", false));
  HEARTH_API_TRY(const Words words, words_of_body(service, body));
  const text::Tokenizer& tokenizer = words->tokenizer();
  Json tokens = Json::array();
  for (const text::TokenId id :
       tokenizer.encode(content, {.add_special = add_special, .parse_special = parse_special})) {
    if (with_pieces) {
      tokens.push_back(Json{{"id", id}, {"piece", piece_json(tokenizer.piece(id, true))}});
    } else {
      tokens.push_back(id);
    }
  }
  return dump(Json{{"tokens", std::move(tokens)}});
}

Parsed<std::string> detokenize(serving::GenerationService& service, const std::string& text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  const Json* tokens = find(body, "tokens");
  TokenIds ids;
  if (tokens != nullptr) {
    const bool empty = tokens->is_array() && tokens->empty();
    if (!empty && !is_token_list(*tokens)) return refuse("tokens", "must be a list of token ids (0 or more)");
    if (!empty) ids = tokens_of(*tokens);
  }
  HEARTH_API_TRY(const Words words, words_of_body(service, body));
  for (size_t i = 0; i < ids.size(); ++i) {
    if (static_cast<size_t>(ids[i]) >= words->tokenizer().vocab_size()) {
      return refuse(at("tokens", i), fmt::format("{} is not in the vocabulary of {} tokens", ids[i],
                                                 words->tokenizer().vocab_size()));
    }
  }
  return dump(Json{{"content", words->tokenizer().decode(ids, true)}});
}

Parsed<std::string> apply_template(serving::GenerationService& service, const std::string& body) {
  HEARTH_API_TRY(const Conversation conversation, read_conversation(service, body));
  HEARTH_API_TRY(const auto rendered,
                 checked(conversation.words->render(conversation.prompt, std::time(nullptr))));
  return dump(Json{{"prompt", rendered.text}});
}

Parsed<std::string> count_chat_tokens(serving::GenerationService& service, const std::string& body) {
  HEARTH_API_TRY(const Conversation conversation, read_conversation(service, body));
  HEARTH_API_TRY(const auto tokens, checked(conversation.words->encode(conversation.prompt)));
  return dump(Json{{"input_tokens", tokens.size()}});
}

}  // namespace hearth::api::llama_server
