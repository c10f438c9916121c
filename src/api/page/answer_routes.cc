#include "api/page/answer_routes.h"

#include <charconv>

#include "api/generation_reply.h"
#include "api/page/answer_request.h"
#include "api/page/chat_title.h"
#include "serving/model_choice.h"
#include "store/chats/chat_json.h"

namespace hearth::api::page {
namespace {

using serving::GenerationRequest;
using store::Message;
using store::MessageRole;
using store::MessageStatus;

template <typename T>
Parsed<T> parsed(Result<T> result) {
  if (!result) return tl::unexpected(from_store(result.error()));
  return std::move(*result);
}

// The model for an answer, from the first of `names` that says something, else the one that a new chat gets.
Parsed<std::string> model_of(serving::GenerationService& service, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    if (name.empty()) continue;
    auto model = service.find(service.resolve(name));
    if (!model) return tl::unexpected(from_error(model.error()));
    return model->name;
  }
  const std::string name = default_model(service);
  if (!name.empty()) return name;
  ApiError error = http_error(409, "there is no model to answer yet: pull one first; nothing was stored");
  error.code = "no_model";
  return tl::unexpected(std::move(error));
}

// What a request says beside the message itself.
struct Wishes {
  std::string model;
  std::optional<store::ChatSettings> settings;  // absent: the chat's
};

Parsed<Wishes> read_wishes(const Json& body) {
  Wishes wishes;
  HEARTH_API_TRY(wishes.model, read_string(body, "model", "model", kMaxNameBytes));
  if (const Json* settings = find(body, "settings")) {
    HEARTH_API_TRY(wishes.settings, parsed(store::parse_settings(*settings)));
  }
  return wishes;
}

struct Question {
  std::string chat;  // of a count, may be empty
  std::string parent;
  store::NewMessage message;
  Wishes wishes;
};

Parsed<Question> read_question(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  Question question;
  HEARTH_API_TRY(question.chat, read_string(body, "chat", "chat", kMaxNameBytes));
  HEARTH_API_TRY(question.parent, read_string(body, "parent", "parent", kMaxNameBytes));
  HEARTH_API_TRY(question.message.content, read_string(body, "content", "content", kNoLimit));
  if (const Json* attachments = find(body, "attachments")) {
    HEARTH_API_TRY(question.message.attachments, parsed(store::parse_attachments(*attachments)));
  }
  HEARTH_API_TRY(question.wishes, read_wishes(body));
  return question;
}

// A body that may be left out.
Parsed<Wishes> read_optional_wishes(std::string_view text) {
  if (text.empty()) return Wishes();
  HEARTH_API_TRY(const Json body, read_object(text));
  return read_wishes(body);
}

// The chat with the messages up to and including `message` (empty: none).
struct Place {
  store::Chat chat;
  std::vector<Message> path;
};

Parsed<Place> find_place(store::ChatStore& chats, const std::string& owner, const std::string& chat,
                         const std::string& message) {
  Place place;
  HEARTH_API_TRY(place.chat, parsed(chats.get(owner, chat)));
  if (message.empty()) return place;
  HEARTH_API_TRY(place.path, parsed(chats.path(owner, message)));
  if (place.path.empty() || place.path.back().chat != chat) {
    return tl::unexpected(http_error(404, "the message is not one of this chat; nothing was stored"));
  }
  return place;
}

Parsed<Place> find_message_place(store::ChatStore& chats, const std::string& owner,
                                 const std::string& message) {
  HEARTH_API_TRY(const Message found, parsed(chats.message(owner, message)));
  return find_place(chats, owner, found.chat, message);
}

// Sends the error; false: there is none.
Task<bool> failed(const ApiError& error, ResponseWriter& writer) {
  co_await writer.fail(error);
  co_return true;
}

Task<void> send_too_long(const PromptSize& size, ResponseWriter& writer) {
  ApiError error = http_error(
      400,
      fmt::format("the conversation has {} tokens, the model takes {} with the answer; nothing was stored: "
                  "shorten it, or choose a model or a setting with more context",
                  size.prompt_tokens, size.context_length));
  error.code = "context_exceeded";
  const Json detail = Json{{"prompt_tokens", size.prompt_tokens}, {"context_length", size.context_length}};
  co_await writer.send(error_with_detail(error, detail));
}

// Starts to answer, if the prompt fits. nullopt: it did not, which was replied.
Task<std::optional<serving::TokenStream>> start(const AnswerServices& services, const HttpRequest& http,
                                                GenerationRequest request, ResponseWriter& writer) {
  request.cache_scope = http.owner;
  const Result<PromptSize> size =
      co_await services.words.run([&] { return measure(services.service, request); });
  // Without words to count with, the model says itself what it makes of the prompt.
  if (!size && size.error().category != ErrorCategory::kUnsupported) {
    co_await writer.fail(from_error(size.error(), "content"));
    co_return std::nullopt;
  }
  if (size && !size->fits()) {
    co_await send_too_long(*size, writer);
    co_return std::nullopt;
  }
  auto stream = services.service.generate(std::move(request));
  if (!stream) {
    co_await writer.fail(from_error(stream.error(), "content"));
    co_return std::nullopt;
  }
  co_return std::move(*stream);
}

// Tells all pages of a new answer, and begins to write it.
void go(const AnswerServices& services, const std::string& owner, const Message& answer,
        serving::TokenStream stream) {
  // First, as an answer's end is told from there as well: pages must not hear of the end before the
  // beginning.
  services.disk.post([services, owner, answer] {
    publish_answer(services.events, owner, answer);
    if (const auto chat = services.chats.get(owner, answer.chat)) publish_chat(services.events, owner, *chat);
  });
  services.answers.begin(owner, answer, std::move(stream));
}

Task<void> ask(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const std::string chat_id(path_segment(http, 2));
  const Parsed<Question> question = read_question(http.body);
  if (!question && co_await failed(question.error(), writer)) co_return;
  const Parsed<Place> place = co_await services.disk.run(
      [&] { return find_place(services.chats, http.owner, chat_id, question->parent); });
  if (!place && co_await failed(place.error(), writer)) co_return;
  const Parsed<std::string> model = co_await services.words.run([&] {
    return model_of(services.service, {question->wishes.model, place->chat.model});
  });
  if (!model && co_await failed(model.error(), writer)) co_return;

  std::vector<Message> path = place->path;
  Message asked;
  asked.content = question->message.content;
  asked.attachments = question->message.attachments;
  path.push_back(std::move(asked));
  Parsed<GenerationRequest> request =
      answer_request(path, question->wishes.settings.value_or(place->chat.settings), *model);
  if (!request && co_await failed(request.error(), writer)) co_return;
  std::optional<serving::TokenStream> stream = co_await start(services, http, std::move(*request), writer);
  if (!stream) co_return;

  const Parsed<store::Exchange> exchange = co_await services.disk.run([&]() -> Parsed<store::Exchange> {
    HEARTH_API_TRY(store::Exchange added,
                   parsed(services.chats.add_exchange(http.owner, chat_id, question->parent,
                                                      question->message, *model)));
    if (place->chat.title.empty()) {
      std::string title = title_of(question->message.content);
      if (title.empty() && !question->message.attachments.empty())
        title = question->message.attachments[0].name;
      // A chat without a title is still a chat.
      if (!title.empty()) static_cast<void>(services.chats.set_automatic_title(chat_id, title));
    }
    if (place->chat.model != *model) {
      store::ChatChange change;
      change.model = *model;
      static_cast<void>(services.chats.change(http.owner, chat_id, change));
    }
    return added;
  });
  if (!exchange && co_await failed(exchange.error(), writer)) co_return;
  go(services, http.owner, exchange->answer, std::move(*stream));
  const Json json =
      Json{{"user", store::to_json(exchange->user)}, {"answer", store::to_json(exchange->answer)}};
  co_await writer.send(json_reply(json, 201));
}

Task<void> regenerate(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const std::string id(path_segment(http, 2));
  const Parsed<Wishes> wishes = read_optional_wishes(http.body);
  if (!wishes && co_await failed(wishes.error(), writer)) co_return;
  Parsed<Place> place =
      co_await services.disk.run([&] { return find_message_place(services.chats, http.owner, id); });
  if (!place && co_await failed(place.error(), writer)) co_return;
  std::string earlier_model;
  if (place->path.back().role == MessageRole::kAssistant) {
    earlier_model = place->path.back().model;
    place->path.pop_back();
  }
  if (place->path.empty() &&
      co_await failed(http_error(400, "there is no question before this message; nothing was changed"),
                      writer)) {
    co_return;
  }
  const Parsed<std::string> model = co_await services.words.run([&] {
    return model_of(services.service, {wishes->model, place->chat.model, earlier_model});
  });
  if (!model && co_await failed(model.error(), writer)) co_return;
  Parsed<GenerationRequest> request =
      answer_request(place->path, wishes->settings.value_or(place->chat.settings), *model);
  if (!request && co_await failed(request.error(), writer)) co_return;
  std::optional<serving::TokenStream> stream = co_await start(services, http, std::move(*request), writer);
  if (!stream) co_return;
  const Parsed<Message> answer = co_await services.disk.run(
      [&] { return parsed(services.chats.add_answer(http.owner, place->path.back().id, *model)); });
  if (!answer && co_await failed(answer.error(), writer)) co_return;
  go(services, http.owner, *answer, std::move(*stream));
  const Json json = Json{{"answer", store::to_json(*answer)}};
  co_await writer.send(json_reply(json, 201));
}

Task<void> go_on(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const std::string id(path_segment(http, 2));
  Parsed<Place> place =
      co_await services.disk.run([&] { return find_message_place(services.chats, http.owner, id); });
  if (!place && co_await failed(place.error(), writer)) co_return;
  const Message& earlier = place->path.back();
  if (earlier.role != MessageRole::kAssistant &&
      co_await failed(http_error(400, "only an answer can be continued; nothing was changed"), writer)) {
    co_return;
  }
  if (earlier.status == MessageStatus::kRunning &&
      co_await failed(http_error(409, "the answer is still being written"), writer)) {
    co_return;
  }
  const Parsed<std::string> model = co_await services.words.run([&] {
    return model_of(services.service, {earlier.model, place->chat.model});
  });
  if (!model && co_await failed(model.error(), writer)) co_return;
  // A thought that was cut short cannot be gone on with by a template: the question is answered once more.
  std::vector<Message> path = place->path;
  if (earlier.content.empty()) path.pop_back();
  Parsed<GenerationRequest> request = answer_request(path, place->chat.settings, *model);
  if (!request && co_await failed(request.error(), writer)) co_return;
  std::optional<serving::TokenStream> stream = co_await start(services, http, std::move(*request), writer);
  if (!stream) co_return;
  Parsed<Message> answer =
      co_await services.disk.run([&] { return parsed(services.chats.resume_answer(http.owner, id)); });
  if (!answer && co_await failed(answer.error(), writer)) co_return;
  if (answer->content.empty()) {
    answer->reasoning.clear();
    answer->reasoning_ms.reset();
  }
  go(services, http.owner, *answer, std::move(*stream));
  const Json json = Json{{"answer", store::to_json(*answer)}};
  co_await writer.send(json_reply(json));
}

Task<void> stop(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const std::string id(path_segment(http, 2));
  if (services.answers.find(http.owner, id)) co_await services.answers.stop(id);
  // Behind the answer's end, where there was one.
  const Parsed<Message> message = co_await services.disk.run([&]() -> Parsed<Message> {
    HEARTH_API_TRY(Message found, parsed(services.chats.message(http.owner, id)));
    if (found.status != MessageStatus::kRunning || services.answers.find(http.owner, id)) return found;
    // Nobody writes it any more.
    store::AnswerEnd end;
    end.text = {found.content, found.reasoning, found.reasoning_ms, found.tool_calls};
    end.status = MessageStatus::kInterrupted;
    return parsed(services.chats.finish_answer(id, end));
  });
  if (!message && co_await failed(message.error(), writer)) co_return;
  co_await writer.send(json_reply(store::to_json(*message)));
}

Task<void> remove(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const std::string id(path_segment(http, 2));
  const Parsed<store::Chat> chat =
      co_await services.disk.run([&] { return parsed(services.chats.remove_message(http.owner, id)); });
  if (!chat && co_await failed(chat.error(), writer)) co_return;
  for (const std::string& running : services.answers.running_of_chat(chat->id)) {
    const bool gone =
        co_await services.disk.run([&] { return !services.chats.message(http.owner, running).has_value(); });
    if (gone) co_await services.answers.stop(running);
  }
  co_await services.disk.run([] { return true; });  // behind their ends
  publish_chat(services.events, http.owner, *chat);
  co_await writer.send(no_content());
}

std::optional<int64_t> number_of(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

// Last-Event-ID, else ?after=N. What is no number is none.
std::optional<int64_t> last_seen(const HttpRequest& http) {
  if (const auto id = number_of(http.header("last-event-id"))) return id;
  std::string_view query = http.query;
  constexpr std::string_view kAfter = "after=";
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    if (one.starts_with(kAfter)) return number_of(one.substr(kAfter.size()));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
  }
  return std::nullopt;
}

// What an answer that has ended gives.
class EndedFeed : public EventFeed {
 public:
  explicit EndedFeed(const Message& message)
      : text_(server_sent_event("end", dump(Json{{"message", store::to_json(message)}}))) {}
  void set_notifier(std::function<void()>) override {}
  std::string take() override { return std::exchange(text_, {}); }
  bool ended() const override { return true; }

 private:
  std::string text_;
};

EventStreamOptions stream_options(const AnswerServices& services, const std::string& owner) {
  EventStreamOptions options;
  options.heartbeat = services.heartbeat;
  if (services.welcome) options.welcome = [welcome = services.welcome, owner] { return welcome(owner); };
  return options;
}

Task<void> watch(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const std::string id(path_segment(http, 2));
  std::shared_ptr<EventFeed> feed;
  if (const auto log = services.answers.find(http.owner, id)) feed = log->watch(last_seen(http));
  if (!feed) {
    const Parsed<Message> message =
        co_await services.disk.run([&] { return parsed(services.chats.message(http.owner, id)); });
    if (!message && co_await failed(message.error(), writer)) co_return;
    // It may have begun meanwhile.
    const auto log = services.answers.find(http.owner, id);
    feed = log ? log->watch(last_seen(http)) : std::make_shared<EndedFeed>(*message);
  }
  co_await stream_events(*feed, stream_options(services, http.owner), writer);
}

Task<void> count(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const Parsed<Question> question = read_question(http.body);
  if (!question && co_await failed(question.error(), writer)) co_return;
  Parsed<Place> place = Place();
  if (!question->chat.empty()) {
    place = co_await services.disk.run(
        [&] { return find_place(services.chats, http.owner, question->chat, question->parent); });
  }
  if (!place && co_await failed(place.error(), writer)) co_return;
  Message asked;
  asked.content = question->message.content;
  asked.attachments = question->message.attachments;
  place->path.push_back(std::move(asked));
  const Parsed<PromptSize> size = co_await services.words.run([&]() -> Parsed<PromptSize> {
    HEARTH_API_TRY(const std::string model,
                   model_of(services.service, {question->wishes.model, place->chat.model}));
    HEARTH_API_TRY(
        const GenerationRequest request,
        answer_request(place->path, question->wishes.settings.value_or(place->chat.settings), model));
    auto measured = measure(services.service, request);
    if (!measured) return tl::unexpected(from_error(measured.error(), "content"));
    return *measured;
  });
  if (!size && co_await failed(size.error(), writer)) co_return;
  const Json json = Json{{"prompt_tokens", size->prompt_tokens}, {"context_length", size->context_length}};
  co_await writer.send(json_reply(json));
}

Task<void> listen(AnswerServices services, const HttpRequest& http, ResponseWriter& writer) {
  const auto listener = services.events.listen(http.owner);
  co_await stream_events(*listener, stream_options(services, http.owner), writer);
}

}  // namespace

std::string default_model(const serving::GenerationService& service) {
  std::string name;
  for (const serving::ModelSummary& model : serving::models_to_choose_from(service.list_models())) {
    if (!model.capabilities.completion) continue;
    if (model.loaded) return model.name;
    if (name.empty()) name = model.name;
  }
  return name;
}

void add_answer_routes(PageRouter& routes, const AnswerServices& services) {
  using Answerer = Task<void> (*)(AnswerServices, const HttpRequest&, ResponseWriter&);
  const auto add = [&](const char* method, const char* path, Answerer answerer) {
    routes.add(method, path, Scope::kChat,
               [services, answerer](const HttpRequest& http, ResponseWriter& writer) {
                 return answerer(services, http, writer);
               });
  };
  add("POST", "/page/chats/{id}/messages", ask);
  add("POST", "/page/messages/{id}/regenerate", regenerate);
  add("POST", "/page/messages/{id}/continue", go_on);
  add("POST", "/page/messages/{id}/stop", stop);
  add("DELETE", "/page/messages/{id}", remove);
  add("GET", "/page/messages/{id}/events", watch);
  add("POST", "/page/count", count);
  add("GET", "/page/events", listen);
}

}  // namespace hearth::api::page
