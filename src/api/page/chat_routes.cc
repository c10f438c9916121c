#include "api/page/chat_routes.h"

#include <atomic>
#include <charconv>
#include <chrono>

#include "api/fields.h"
#include "api/page/chat_title.h"
#include "api/page/live_answers.h"
#include "store/chats/chat_json.h"
#include "store/chats/export/chat_export.h"
#include "store/chats/import/chat_file.h"

namespace hearth::api::page {
namespace {

using store::Chat;
using Reply = Parsed<HttpResponse>;
// Runs on the disk's thread.
using Work = Reply (*)(const ChatServices&, const HttpRequest&);

template <typename T>
Parsed<T> parsed(Result<T> result) {
  if (!result) return tl::unexpected(from_store(result.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

std::string chat_id(const HttpRequest& http) {
  return std::string(path_segment(http, 2));
}

// A value of the query, decoded as forms are; empty where it is not there.
std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const size_t equals = std::min(one.find('='), one.size());
    if (one.substr(0, equals) != name) continue;
    const std::string_view sent = one.substr(std::min(equals + 1, one.size()));
    std::string value;
    for (size_t i = 0; i < sent.size(); ++i) {
      unsigned byte = 0;
      const char* digits = sent.data() + i + 1;
      if (sent[i] == '%' && i + 2 < sent.size() &&
          std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
        value += static_cast<char>(byte);
        i += 2;
      } else {
        value += sent[i] == '+' ? ' ' : sent[i];
      }
    }
    return value;
  }
  return {};
}

Parsed<int64_t> limit_of(const HttpRequest& http, int64_t otherwise, int64_t most) {
  const std::string text = query_value(http.query, "limit");
  if (text.empty()) return otherwise;
  int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size() || limit < 1 || limit > most) {
    return refuse("limit", fmt::format("must be a whole number from 1 to {}", most));
  }
  return limit;
}

void publish_deleted(const ChatServices& services, const std::string& owner, const std::string& id) {
  services.events.publish(owner, {"chat_deleted", dump(Json{{"id", id}})});
}

// In steps, between which others get their turn; so many at most that a server which stops need not wait
// long.
void purge_later(const ChatServices& services, int max_steps = 100) {
  services.disk.post([services, max_steps] {
    const auto more = services.chats.purge();
    if (more && *more && max_steps > 1) purge_later(services, max_steps - 1);
  });
}

Reply list(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const int64_t limit, limit_of(http, 50, 500));
  HEARTH_API_TRY(const store::ChatList list,
                 parsed(services.chats.list(http.owner, limit, query_value(http.query, "before"))));
  Json chats = Json::array();
  for (const Chat& chat : list.chats) chats.push_back(store::to_summary_json(chat));
  purge_later(services);
  return json_reply(
      Json{{"chats", std::move(chats)}, {"next", list.next.empty() ? Json() : Json(list.next)}});
}

Reply create(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const Json body, read_object(http.body.empty() ? "{}" : std::string_view(http.body)));
  store::NewChat chat;
  HEARTH_API_TRY(chat.title, read_string(body, "title", "title", store::kMaxTitleBytes));
  HEARTH_API_TRY(chat.model, read_string(body, "model", "model", kMaxNameBytes));
  if (const Json* settings = find(body, "settings")) {
    HEARTH_API_TRY(chat.settings, parsed(store::parse_settings(*settings)));
  }
  HEARTH_API_TRY(const Chat created, parsed(services.chats.create(http.owner, chat)));
  publish_chat(services.events, http.owner, created);
  return json_reply(store::to_json(created), 201);
}

Reply read(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const store::WholeChat whole, parsed(services.chats.whole(http.owner, chat_id(http))));
  Json messages = Json::array();
  for (const store::Message& message : whole.messages) messages.push_back(store::to_json(message));
  return json_reply(Json{{"chat", store::to_json(whole.chat)}, {"messages", std::move(messages)}});
}

Parsed<store::ChatChange> read_change(const Json& body) {
  store::ChatChange change;
  for (const auto& [name, value] : body.items()) {
    if (name == "title") {
      HEARTH_API_TRY(change.title, read_string(body, "title", "title", store::kMaxTitleBytes));
    } else if (name == "pinned") {
      HEARTH_API_TRY(change.pinned, read_bool(body, "pinned", false));
    } else if (name == "model") {
      HEARTH_API_TRY(change.model, read_string(body, "model", "model", kMaxNameBytes));
    } else if (name == "settings") {
      HEARTH_API_TRY(change.settings, parsed(store::parse_settings(value)));
    } else if (name == "draft") {
      HEARTH_API_TRY(change.draft, read_string(body, "draft", "draft", kNoLimit));
    } else if (name == "leaf") {
      if (value.is_null()) continue;
      HEARTH_API_TRY(change.leaf, read_string(body, "leaf", "leaf", kMaxNameBytes));
    } else {
      return refuse(name.substr(0, 100), "is nothing that can be changed; nothing was changed");
    }
  }
  return change;
}

Reply change(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const Json body, read_object(http.body));
  HEARTH_API_TRY(const store::ChatChange change, read_change(body));
  HEARTH_API_TRY(const Chat chat, parsed(services.chats.change(http.owner, chat_id(http), change)));
  const bool others_see_it = change.title || change.pinned || change.model || change.leaf;
  if (others_see_it) publish_chat(services.events, http.owner, chat);
  return json_reply(store::to_json(chat));
}

Reply remove(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_CHECK(parsed(services.chats.remove(http.owner, chat_id(http))));
  publish_deleted(services, http.owner, chat_id(http));
  purge_later(services);
  return no_content();
}

Reply restore(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const Chat chat, parsed(services.chats.restore(http.owner, chat_id(http))));
  publish_chat(services.events, http.owner, chat);
  return json_reply(store::to_json(chat));
}

// All chats change at once: other pages are told to read their list again by an event without a chat.
Reply remove_all(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const std::string undo, parsed(services.chats.remove_all(http.owner)));
  services.events.publish(http.owner, {"chats", "{}"});
  return json_reply(Json{{"undo", undo}});
}

Reply restore_all(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const Json body, read_object(http.body));
  HEARTH_API_TRY(const std::string undo, read_string(body, "undo", "undo", kMaxNameBytes));
  HEARTH_API_TRY(const int64_t n_restored, parsed(services.chats.restore_all(http.owner, undo)));
  services.events.publish(http.owner, {"chats", "{}"});
  return json_reply(Json{{"restored", n_restored}});
}

Reply search(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const int64_t limit, limit_of(http, 20, 100));
  HEARTH_API_TRY(const std::vector<store::SearchHit> found,
                 parsed(services.chats.search(http.owner, query_value(http.query, "q"), limit)));
  Json hits = Json::array();
  for (const store::SearchHit& hit : found) {
    Json snippet = Json::array();
    for (const store::SnippetPart& part : hit.snippet) {
      snippet.push_back(Json{{"text", part.text}, {"hit", part.hit}});
    }
    const bool is_title = hit.message.empty();
    hits.push_back(Json{{"chat", hit.chat},
                        {"chat_title", hit.chat_title},
                        {"message", is_title ? Json() : Json(hit.message)},
                        {"role", is_title ? Json() : Json(store::name_of(hit.role))},
                        {"snippet", std::move(snippet)},
                        {"created", hit.created}});
  }
  return json_reply(Json{{"hits", std::move(hits)}});
}

Reply presets(const ChatServices& services, const HttpRequest& http) {
  HEARTH_API_TRY(const std::vector<store::Preset> found, parsed(services.chats.presets(http.owner)));
  Json presets = Json::array();
  for (const store::Preset& preset : found) presets.push_back(store::to_json(preset));
  return json_reply(Json{{"presets", std::move(presets)}});
}

Reply set_presets(const ChatServices& services, const HttpRequest& http) {
  constexpr size_t kMaxPresets = 1000;
  HEARTH_API_TRY(const Json body, read_object(http.body));
  const Json* list = find(body, "presets");
  if (list == nullptr || !list->is_array()) return refuse("presets", "must be a list");
  if (list->size() > kMaxPresets) return refuse("presets", fmt::format("may have {} entries", kMaxPresets));
  std::vector<store::Preset> presets;
  for (const Json& item : *list) {
    HEARTH_API_TRY(store::Preset preset, parsed(store::parse_preset(item)));
    presets.push_back(std::move(preset));
  }
  HEARTH_API_CHECK(parsed(services.chats.set_presets(http.owner, presets)));
  return hearth::api::page::presets(services, http);
}

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What a browser saves under a name: the title's letters as they are, and as ASCII for those who do not know
// RFC 8187.
std::string attachment_header(std::string title, std::string_view extension) {
  constexpr size_t kMaxBytes = 100;
  if (title.size() > kMaxBytes) {
    size_t end = kMaxBytes;
    while (end > 0 && (static_cast<uint8_t>(title[end]) & 0xc0) == 0x80) --end;
    title.resize(end);
  }
  std::string ascii, encoded;
  for (const char c : title) {
    const auto byte = static_cast<uint8_t>(c);
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    const bool unwanted =
        byte < 0x20 || byte == 0x7f || std::string_view("/\\:*?\"<>|%").find(c) != std::string_view::npos;
    ascii += plain || c == ' ' || c == '.' ? c : '_';
    if (plain) {
      encoded += c;
    } else {
      encoded += unwanted ? "_" : fmt::format("%{:02X}", byte);
    }
  }
  if (title.find_first_not_of(" .") == std::string::npos) ascii = encoded = "chat";
  return fmt::format("attachment; filename=\"{}{}\"; filename*=UTF-8''{}{}", ascii, extension, encoded,
                     extension);
}

Reply export_one(const ChatServices& services, const HttpRequest& http) {
  const std::string format = query_value(http.query, "format");
  const bool markdown = format == "markdown";
  if (!markdown && format != "json" && !format.empty()) return refuse("format", "must be markdown or json");
  HEARTH_API_TRY(const store::WholeChat whole, parsed(services.chats.whole(http.owner, chat_id(http))));
  HttpResponse response;
  response.headers = {
      {"Cache-Control", "no-store"},
      {"Content-Disposition", attachment_header(whole.chat.title, markdown ? ".md" : ".json")}};
  if (markdown) response.content_type = "text/markdown; charset=utf-8";
  response.body = markdown
                      ? store::to_markdown(whole)
                      : store::export_begin(now_ms()) + store::export_chat(whole, true) + store::export_end();
  return response;
}

// Chat by chat, so that no more than one of them is in memory.
Task<void> export_all(ChatServices services, const HttpRequest& http, ResponseWriter& writer) {
  HttpResponse head;
  head.headers = {{"Cache-Control", "no-store"},
                  {"Content-Disposition", attachment_header("hearth-chats", ".json")}};
  std::string place;
  bool begun = false, first = true;
  do {
    auto page = co_await services.disk.run([&] { return services.chats.list(http.owner, 500, place); });
    if (!page) {
      // In the middle of a file there is no way to say so but to break off.
      if (!begun) co_await writer.fail(from_store(page.error()));
      co_return;
    }
    if (!std::exchange(begun, true)) {
      co_await writer.begin_stream(std::move(head));
      if (!co_await writer.write(store::export_begin(now_ms()))) co_return;
    }
    for (const Chat& chat : page->chats) {
      auto whole = co_await services.disk.run([&] { return services.chats.whole(http.owner, chat.id); });
      if (!whole && whole.error().category == ErrorCategory::kNotFound) continue;  // deleted meanwhile
      if (!whole) co_return;
      if (!co_await writer.write(store::export_chat(*whole, std::exchange(first, false)))) co_return;
    }
    place = page->next;
  } while (!place.empty());
  if (co_await writer.write(store::export_end())) co_await writer.finish();
}

// One file at a time is taken into memory: what it has is there twice for a while.
constexpr size_t kMaxImportBytes = size_t{256} << 20;

class ImportSink : public BodySink {
 public:
  explicit ImportSink(std::shared_ptr<std::atomic<bool>> busy) : busy_(std::move(busy)) {}
  ~ImportSink() override { *busy_ = false; }

  Task<std::optional<ApiError>> write(std::string bytes) override {
    if (file_.size() + bytes.size() > kMaxImportBytes) {
      co_return http_error(
          413, fmt::format("a file of chats may have {} MiB; nothing was imported", kMaxImportBytes >> 20));
    }
    file_ += bytes;
    co_return std::nullopt;
  }
  std::string take() { return std::move(file_); }

 private:
  std::shared_ptr<std::atomic<bool>> busy_;
  std::string file_;
};

// Chats of a file go into the store in portions, so that other work of the disk's thread comes in between. A
// chat is never divided.
constexpr size_t kMessagesAtOnce = 500;

std::vector<store::WholeChat> next_portion(std::vector<store::WholeChat>& chats, size_t& taken) {
  std::vector<store::WholeChat> portion;
  size_t n_messages = 0;
  while (taken < chats.size() &&
         (portion.empty() || n_messages + chats[taken].messages.size() <= kMessagesAtOnce)) {
    store::WholeChat& whole = portion.emplace_back(std::move(chats[taken++]));
    n_messages += whole.messages.size();
    for (auto message = whole.messages.begin(); whole.chat.title.empty() && message != whole.messages.end();
         ++message) {
      whole.chat.title = title_of(message->content);
    }
  }
  return portion;
}

Task<Reply> import_file(const ChatServices& services, const std::string& owner, store::ChatFile file,
                        const ResponseWriter& writer) {
  std::vector<std::string> ids;
  std::optional<ApiError> error;
  for (size_t taken = 0; taken < file.chats.size() && !error;) {
    if (writer.interruption() == Interruption::kShutdown) {
      error = overloaded("the server is shutting down");
      break;
    }
    try {
      auto added = co_await services.disk.run(
          [&] { return parsed(services.chats.add_whole(owner, next_portion(file.chats, taken))); });
      if (added) {
        ids.insert(ids.end(), added->begin(), added->end());
      } else {
        error = std::move(added.error());
      }
    } catch (const std::bad_alloc&) {
      error = overloaded("not enough memory");
    }
  }
  if (!ids.empty()) services.events.publish(owner, {"chats", "{}"});
  if (error) {
    error->message =
        fmt::format("{} of {} chats were imported, then: {}", ids.size(), file.chats.size(), error->message);
    co_return tl::unexpected(*std::move(error));
  }
  Json skipped = Json::array();
  for (const store::SkippedPart& part : file.skipped) {
    skipped.push_back(Json{{"what", part.what}, {"why", part.why}});
  }
  co_return json_reply(Json{{"imported", ids.size()}, {"skipped", std::move(skipped)}, {"chats", ids}});
}

Task<void> import_chats(ChatServices services, const HttpRequest& http, ResponseWriter& writer) {
  auto& sink = dynamic_cast<ImportSink&>(*http.sink);
  Parsed<store::ChatFile> file =
      co_await services.words.run([&] { return parsed(store::read_chat_file(sink.take())); });
  Reply reply = tl::unexpected(ApiError());
  if (file) {
    reply = co_await import_file(services, http.owner, std::move(*file), writer);
  } else {
    reply = tl::unexpected(file.error());
  }
  if (reply) {
    co_await writer.send(std::move(*reply));
  } else {
    co_await writer.fail(reply.error());
  }
}

void add_import_route(PageRouter& routes, const ChatServices& services) {
  const auto busy = std::make_shared<std::atomic<bool>>(false);
  routes.add_upload(
      "POST", "/page/import", Scope::kChat,
      [busy](const HttpRequest&, std::shared_ptr<BodySink>& sink) -> Task<std::optional<ApiError>> {
        if (busy->exchange(true))
          co_return overloaded("another file is being imported; nothing was imported");
        sink = std::make_shared<ImportSink>(busy);
        co_return std::nullopt;
      },
      [services](const HttpRequest& http, ResponseWriter& writer) {
        return import_chats(services, http, writer);
      });
}

}  // namespace

void add_chat_routes(PageRouter& routes, const ChatServices& services) {
  const auto add = [&](const char* method, const char* path, Work work) {
    routes.add(method, path, Scope::kChat,
               [services, work](const HttpRequest& http, ResponseWriter& writer) -> Task<void> {
                 Reply reply = co_await services.disk.run([&] { return work(services, http); });
                 if (reply) {
                   co_await writer.send(std::move(*reply));
                 } else {
                   co_await writer.fail(reply.error());
                 }
               });
  };
  add("GET", "/page/chats", list);
  add("POST", "/page/chats", create);
  add("DELETE", "/page/chats", remove_all);
  add("POST", "/page/chats/restore", restore_all);
  add("GET", "/page/chats/{id}", read);
  add("PATCH", "/page/chats/{id}", change);
  add("DELETE", "/page/chats/{id}", remove);
  add("POST", "/page/chats/{id}/restore", restore);
  add("GET", "/page/chats/{id}/export", export_one);
  add("GET", "/page/search", search);
  add("GET", "/page/presets", presets);
  add("PUT", "/page/presets", set_presets);
  routes.add("GET", "/page/export", Scope::kChat,
             [services](const HttpRequest& http, ResponseWriter& writer) {
               return export_all(services, http, writer);
             });
  add_import_route(routes, services);
  purge_later(services);
}

}  // namespace hearth::api::page
