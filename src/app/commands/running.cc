// ps and stop: the models that a running server has in memory.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/server_url.h"
#include "app/terminal_text.h"
#include "base/human_bytes.h"
#include "net/http_client.h"

namespace hearth::app {
namespace {

using api::Json;

// The server that the settings describe. A key, where it asks for one, comes from HEARTH_API_KEY.
Result<Json> ask_server(const Environment& environment, const std::string& method, const std::string& path,
                        const Json& body) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  net::HttpRequest request;
  request.method = method;
  request.url = server_url(settings) + path;
  request.headers = {{"Content-Type", "application/json"}};
  if (const auto key = environment.variables("HEARTH_API_KEY"); key && !key->empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + *key);
  }
  if (!body.is_null()) request.body = api::dump(body);
  request.allow_private_addresses = true;
  net::HttpClient client;
  auto reply = client.send(request);
  if (!reply) {
    return fail(ErrorCategory::kIo,
                "no server answers at {} ({}); start one with hearth serve, or say where it is (HEARTH_HOST, "
                "HEARTH_PORT)",
                server_url(settings), reply.error().message);
  }
  auto json = api::parse_json(reply->body);
  if (reply->status == 200 && json) return json;
  const bool says_why = json && json->is_object() && json->contains("error") && (*json)["error"].is_string();
  const std::string why =
      says_why ? (*json)["error"].get<std::string>() : fmt::format("status {}", reply->status);
  return fail(reply->status == 404 ? ErrorCategory::kNotFound : ErrorCategory::kInvalidArgument,
              "{} says: {}{}", server_url(settings), visible_line(why),
              reply->status == 401 || reply->status == 403 ? "; HEARTH_API_KEY gives a key" : "");
}

uint64_t number(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number_unsigned() ? at->get<uint64_t>() : 0;
}

std::string text(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? visible_line(at->get<std::string>()) : std::string();
}

// "2026-11-28T09:20:00Z" as the time of day; a model that stays has a date of the far future.
std::string until(const std::string& expires) {
  if (expires.size() < 19 || expires.compare(0, 4, "2200") >= 0) return "stays";
  return expires.substr(11, 8) + " UTC";
}

std::string table(const Json& reply) {
  const Json models = reply.value("models", Json::array());
  size_t width = 4;
  for (const Json& model : models) width = std::max(width, text(model, "name").size());
  std::string lines = fmt::format("{:<{}}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>7}  UNTIL\n", "NAME", width,
                                  "WEIGHTS", "CACHE", "PREFIXES", "SCRATCH", "ALL", "CONTEXT");
  for (const Json& model : models) {
    const Json memory = model.value("memory", Json::object());
    const auto sum = [&](std::initializer_list<const char*> keys) {
      uint64_t bytes = 0;
      for (const char* key : keys) bytes += number(memory, key);
      return human_bytes(bytes);
    };
    lines +=
        fmt::format("{:<{}}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>7}  {}\n", text(model, "name"), width,
                    sum({"weight_bytes"}), sum({"kv_full_bytes", "kv_sliding_bytes"}), sum({"prefix_bytes"}),
                    sum({"activation_bytes", "logit_bytes", "scratch_bytes", "embedder_bytes", "word_bytes"}),
                    human_bytes(number(model, "size")), number(model, "context_length"),
                    until(text(model, "expires_at")));
  }
  const Json memory = reply.value("memory", Json::object());
  return lines +
         fmt::format(
             "{} planned of {} that models may have, and {} for the program; the process has {} and {} of "
             "mapped files in memory\n",
             human_bytes(number(memory, "planned_bytes")), human_bytes(number(memory, "budget_bytes")),
             human_bytes(number(memory, "process_bytes")), human_bytes(number(memory, "anonymous_bytes")),
             human_bytes(number(memory, "mapped_bytes")));
}

Status run_ps(bool as_json, const Environment& environment) {
  HEARTH_TRY(const Json reply, ask_server(environment, "GET", "/api/ps", nullptr));
  if (!reply.is_object() || !reply.value("models", Json()).is_array()) {
    return fail(ErrorCategory::kCorrupt, "what answers there is no Hearth");
  }
  environment.print(as_json ? api::dump(reply) + "\n" : table(reply));
  return {};
}

Status run_stop(const std::string& name, const Environment& environment) {
  const Json body{{"model", name}, {"keep_alive", 0}, {"stream", false}};
  HEARTH_TRY(const Json running, ask_server(environment, "GET", "/api/ps", nullptr));
  HEARTH_CHECK_OK(ask_server(environment, "POST", "/api/generate", body).map([](const Json&) {}));
  const bool loaded = std::ranges::any_of(running.value("models", Json::array()), [&](const Json& model) {
    const std::string known = model.value("name", "");
    return known == name || known == name + ":latest";
  });
  environment.print(
      fmt::format("{} {}\n", visible_line(name),
                  loaded ? "leaves memory once it has answered what it is answering" : "is not in memory"));
  return {};
}

}  // namespace

void add_ps(CLI::App& app, CommandLine& line) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("ps", "List the models that a running server has in memory");
  command->add_flag("--json", *as_json, "Print JSON");
  command->callback([&line, as_json] {
    line.action = [as_json](Environment& environment) { return run_ps(*as_json, environment); };
  });
}

void add_stop(CLI::App& app, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("stop", "Let a running server's model leave memory");
  command->add_option("NAME", *name, "Its name, as hearth ps shows it")->required();
  command->callback([&line, name] {
    line.action = [name](Environment& environment) { return run_stop(*name, environment); };
  });
}

}  // namespace hearth::app
