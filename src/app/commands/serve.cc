// serve: the server, until a signal ends it.
#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <mutex>
#include <thread>

#include "api/access/doorkeeper.h"
#include "api/anthropic/routes.h"
#include "api/http_server.h"
#include "api/llama_server/routes.h"
#include "api/metrics/server_metrics.h"
#include "api/model_routes.h"
#include "api/ollama/create_routes.h"
#include "api/ollama/routes.h"
#include "api/ollama/store_routes.h"
#include "api/ollama/transfer_routes.h"
#include "api/openai/routes.h"
#include "api/page/assets.h"
#include "api/page/page.h"
#include "api/rerank.h"
#include "api/status_routes.h"
#include "app/commands/commands.h"
#include "app/fit/fit_report.h"
#include "app/log.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "app/shutdown_signals.h"
#include "app/terminal_text.h"
#include "app/transfer_options.h"
#include "app/version.h"
#include "app/weight_conversion.h"
#include "base/platform/process_limits.h"
#include "serving/model_choice.h"
#include "serving/model_pool.h"
#include "serving/prompt_rules.h"
#include "store/chats/chat_store.h"
#include "store/response_store.h"

namespace hearth::app {
namespace {

constexpr std::chrono::seconds kGrace{30};

struct ServeOptions {
  SettingFlags settings;
};

// Beside connections: models, logs, the key file.
constexpr uint64_t kOtherDescriptors = 256;

// As many connections as there are descriptors for, so that the files of requests can still be opened.
void fit_connections(api::HttpLimits& limits, Log& log) {
  const uint64_t wanted = limits.max_connections + kOtherDescriptors;
  const uint64_t granted = platform::raise_descriptor_limit(wanted);
  if (granted >= wanted) return;
  limits.max_connections = granted > 2 * kOtherDescriptors ? granted - kOtherDescriptors : granted / 2;
  log.warning(
      fmt::format("this process may open {} files, which is enough for {} connections; raise it with "
                  "ulimit -n or LimitNOFILE",
                  granted, limits.max_connections));
}

Result<text::LineRules> prompt_rules(const Settings& settings) {
  using Action = text::LineRules::Action;
  std::vector<text::LineRules::Rule> rules;
  if (settings.default_prompt_rules) rules = serving::default_prompt_rules();
  for (const std::string& pattern : settings.drop_prompt_lines) rules.push_back({pattern, Action::kDrop});
  for (const std::string& pattern : settings.move_prompt_lines)
    rules.push_back({pattern, Action::kMoveToEnd});
  return text::LineRules::compile(rules);
}

// Tells /health, and a person at a terminal, how far the models named at the start are.
class StartDisplay {
 public:
  explicit StartDisplay(const Environment& environment) : environment_(environment) {}

  const std::shared_ptr<api::Readiness>& readiness() const { return readiness_; }

  void begin(const std::string& model) {
    readiness_->begin(model);
    std::lock_guard lock(mutex_);
    bar_ = std::make_unique<ProgressBar>("loading " + visible_line(model), environment_.err,
                                         environment_.err_is_terminal);
  }
  // From the thread that loads.
  void update(const serving::LoadProgress& progress) {
    readiness_->progress(progress.done_bytes, progress.total_bytes);
    std::lock_guard lock(mutex_);
    if (bar_) bar_->update(progress.done_bytes, progress.total_bytes);
  }
  void end() {
    std::lock_guard lock(mutex_);
    bar_.reset();
  }

 private:
  const Environment& environment_;
  const std::shared_ptr<api::Readiness> readiness_ = std::make_shared<api::Readiness>();
  std::mutex mutex_;
  std::unique_ptr<ProgressBar> bar_;
};

// All models that the settings name can be asked for from here on; none is in memory.
Result<std::vector<serving::ModelSummary>> open_models(serving::ModelPool& pool, const Settings& settings) {
  std::vector<serving::ModelSummary> models;
  for (const std::string& name : settings.models) {
    HEARTH_TRY(const ModelArgument argument, find_model(name, settings));
    HEARTH_TRY(serving::ModelSummary model, argument.in_store ? pool.find(argument.name) : pool.open(name));
    models.push_back(std::move(model));
  }
  return models;
}

Status load_models(serving::ModelPool& pool, const std::vector<serving::ModelSummary>& models,
                   StartDisplay& display, Log& log) {
  for (const serving::ModelSummary& model : models) {
    display.begin(model.name);
    HEARTH_TRY(serving::TokenStream loading, pool.preload(model.name, serving::kKeepForever));
    const serving::GenerationEvent end = loading.next();
    display.end();
    if (const auto* error = std::get_if<Error>(&end)) return propagate(*error, model.path);
    log.info(fmt::format("loaded {} ({}, {}, {}), context {} tokens", model.name, model.architecture,
                         human_bytes(model.size_bytes), model.quantisation, model.context_length));
  }
  display.readiness()->ready();
  return {};
}

// Runs a server while the models are still read; ends it at the end of the scope.
class RunningServer {
 public:
  explicit RunningServer(api::HttpServer& server) : server_(server), thread_([&server] { server.run(); }) {}
  ~RunningServer() {
    if (!thread_.joinable()) return;
    server_.stop(std::chrono::milliseconds(0));
    thread_.join();
  }
  // Until it is stopped.
  void wait() { thread_.join(); }

 private:
  api::HttpServer& server_;
  std::thread thread_;
};

// Where responses are kept; null, with a warning, where the data folder cannot be used: all else works
// without it.
std::unique_ptr<store::ResponseStore> open_responses(const Settings& settings, Log& log) {
  std::error_code error;
  std::filesystem::create_directories(settings.data_dir, error);  // what went wrong, opening says
  auto opened = store::ResponseStore::open(settings.data_dir / "hearth.db");
  if (opened) return std::move(*opened);
  log.warning("responses are not stored, so that none can be gone on from by its id: " +
              opened.error().message);
  return nullptr;
}

// The chats of the page, by whatever way they cannot be kept: all else works without them.
Result<std::unique_ptr<store::ChatStore>> open_chats(const Settings& settings, Log& log) {
  auto opened = store::ChatStore::open(settings.data_dir / "hearth.db");
  if (!opened) {
    log.warning("the page cannot keep chats: " + opened.error().message);
  } else if (const auto& backup = (*opened)->backup(); !backup.empty()) {
    log.info("the file of chats was changed for this version; as it was before: " + backup.string());
  }
  return opened;
}

std::string welcome(const api::HttpServer& server, const std::vector<serving::ModelSummary>& models) {
  std::string text = fmt::format("Hearth {} is at {}\n", kVersion, server.url());
  if (models.empty() || models.front().built_in) {
    text += models.empty() ? "There is no model yet"
                           : "Only the built-in helper is there yet, for questions about Hearth";
    text += ": hearth fit says which models this machine can run, hearth pull NAME fetches one.\n";
    if (models.empty()) return text;
  }
  const char* key = server.asks_for_keys() ? " -H \"Authorization: Bearer $KEY\"" : "";
  return text + fmt::format(
                    "Try it:\n  curl {}/v1/chat/completions -H 'Content-Type: application/json'{} \\\n"
                    "    -d '{{\"model\": \"{}\", \"messages\": [{{\"role\": \"user\", \"content\": "
                    "\"Hello\"}}]}}'\n",
                    server.url(), key, visible_line(models.front().name));
}

// Serving goes on without it.
std::shared_ptr<engine::PrefixStore> open_prefix_store(const Settings& settings, Log& log) {
  if (settings.prefix_disk_gib == 0) return nullptr;
  auto store = engine::PrefixStore::open(
      {.folder = settings.prefix_folder, .max_bytes = settings.prefix_disk_gib << 30});
  if (store) return std::move(*store);
  log.warning("prefixes are not kept on disk: " + store.error().message);
  return nullptr;
}

Status run_serve(const ServeOptions& options, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, options.settings));
  Log log(settings.log_level, settings.log_format);
  std::signal(SIGPIPE, SIG_IGN);
  platform::disable_core_dumps();
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals

  StartDisplay display(environment);
  serving::ModelPoolOptions pool_options;
  pool_options.n_threads = settings.threads;
  pool_options.context_length = settings.context;
  pool_options.kv_dtype = settings.kv_type;
  pool_options.memory_bytes = settings.memory_bytes();
  pool_options.speculate = settings.speculation;
  pool_options.kernels = settings.kernels;
  pool_options.keep_alive = settings.keep_alive;
  pool_options.prefix_store = open_prefix_store(settings, log);
  pool_options.aliases = serving::ModelAliases(settings.aliases);
  const std::shared_ptr<store::ModelStore> store = open_store(settings);
  pool_options.store = store;
  const auto metrics = std::make_shared<api::ServerMetrics>();
  pool_options.metrics = metrics;
  HEARTH_TRY(text::LineRules rules, prompt_rules(settings));
  pool_options.prompt_rules = std::make_shared<const text::LineRules>(std::move(rules));
  pool_options.on_load_progress = [&display](const serving::LoadProgress& progress) {
    display.update(progress);
  };
  HEARTH_TRY(const std::unique_ptr<serving::ModelPool> pool,
             serving::ModelPool::create(std::move(pool_options)));

  api::HttpServerOptions server_options;
  server_options.host = settings.host;
  server_options.port = settings.port;
  server_options.allowed_hosts = settings.allowed_hosts;
  server_options.allowed_origins = settings.allowed_origins;
  server_options.trusted_proxies = settings.trusted_proxies;
  server_options.limits.max_body_bytes = static_cast<size_t>(settings.max_body_bytes);
  server_options.require_keys = settings.require_keys;
  server_options.key_file = settings.key_file();
  server_options.caller_limits.requests_per_minute = settings.requests_per_minute;
  server_options.caller_limits.concurrent_requests = settings.concurrent_requests;
  server_options.tls_certificate = settings.tls_cert;
  server_options.tls_key = settings.tls_key;
  server_options.on_problem = [&log](const Error& problem) { log.warning(problem.message); };
  server_options.doorkeeper = std::make_shared<api::Doorkeeper>(
      server_options.key_file, server_options.caller_limits, server_options.on_problem);
  fit_connections(server_options.limits, log);
  api::Router router;
  api::add_status_routes(router, *pool, display.readiness(),
                         api::page::add_asset_routes(router, environment.page));
  api::add_metrics_route(router, *metrics, *pool);
  api::add_model_routes(router, *pool);
  const std::unique_ptr<store::ResponseStore> responses = open_responses(settings, log);
  api::openai::OpenAiOptions openai;
  openai.responses = responses.get();
  openai.on_problem = [&log](const std::string& problem) { log.warning(problem); };
  api::openai::add_openai_routes(router, *pool, std::move(openai));
  api::llama_server::add_llama_server_routes(router, *pool,
                                             {.build_info = fmt::format("hearth {}", kVersion)});
  api::add_rerank_routes(router, *pool);
  api::anthropic::add_anthropic_routes(router, *pool);
  api::ollama::add_ollama_routes(router, *pool, {.server_version = std::string(kVersion)});
  api::ollama::add_store_routes(router, store);
  api::ollama::add_create_routes(router, store, weight_converter());
  api::ollama::add_transfer_routes(router, store, transfer_options(settings, environment.variables));
  const auto chats = open_chats(settings, log);
  api::page::PageOptions page_options;
  page_options.version = std::string(kVersion);
  if (chats) page_options.chats = chats->get();
  if (!chats) page_options.why_no_chats = chats.error().message;
  page_options.answers.on_problem = [&log](const std::string& problem) { log.warning(problem); };
  page_options.doorkeeper = server_options.doorkeeper;
  page_options.metrics = metrics;
  page_options.measure_fit = [&settings] { return fit_report(settings); };
  api::page::Page page(*pool, std::move(page_options));
  server_options.on_access = [&log, &page, metrics](const api::AccessRecord& record) {
    log.access(record);
    metrics->on_request(record);
    page.on_request(record);
  };
  page.add_routes(router);
  // Takes the address before the models are read: a taken port is known at once.
  HEARTH_TRY(const std::unique_ptr<api::HttpServer> server,
             api::HttpServer::create(std::move(server_options), std::move(router)));
  if (settings.require_keys == api::KeyPolicy::kNever) {
    log.warning(fmt::format("require_keys is never: whoever can reach {} may use it", server->url()));
  } else if (server->asks_for_keys() && settings.tls_cert.empty()) {
    log.warning("keys and chats cross the network unencrypted; tls_cert and tls_key turn TLS on");
  }
  HEARTH_TRY(const auto models, open_models(*pool, settings));
  // Requests wait for their model; /health says what is loading.
  if (!models.empty()) display.readiness()->begin(models.front().name);
  RunningServer running(*server);
  HEARTH_CHECK_OK(load_models(*pool, models, display, log));

  environment.print(welcome(*server, serving::models_to_choose_from(pool->list_models())));
  std::fflush(environment.out);
  std::clearerr(environment.out);  // serving does not depend on somebody reading this

  signals.watch(
      [&] {
        log.info(fmt::format("stopping; requests under way get {} s, a second signal ends them now",
                             kGrace.count()));
        page.end_streams();
        server->stop(kGrace);
      },
      [&] { server->stop(std::chrono::milliseconds(0)); });
  running.wait();
  signals.stop();
  page.end_answers();
  pool->shut_down(0);
  log.info("stopped");
  return {};
}

}  // namespace

void add_serve(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Serve models over HTTP");
  SettingFlags& flags = options->settings;
  add_setting_flag(*command, flags, "--host", "host", "Address to listen on (default 127.0.0.1)");
  add_setting_flag(*command, flags, "--port", "port", "Port (default 11434); 0 = any free one");
  command
      ->add_option_function<std::vector<std::string>>(
          "--model", [&flags](const std::vector<std::string>& paths) { flags["models"] = paths; },
          "A model to load at the start: its name in the store, or the path of a GGUF file; may be given "
          "several times")
      ->allow_extra_args(false);
  add_setting_flag(*command, flags, "--context", "context",
                   "Tokens a request may use; 0 = the model's own, at most 8192");
  add_setting_flag(*command, flags, "--threads", "threads", "Compute threads; 0 = all processors");
  add_setting_flag(*command, flags, "--kv-type", "kv_type", "How the context is stored: f16, q8_0 or f32");
  add_setting_flag(*command, flags, "--memory-gib", "memory_gib",
                   "Memory for all models together, in GiB; 0 = what the machine has");
  add_setting_flag(*command, flags, "--speculation", "speculation",
                   "Draft tokens where the text repeats itself, which changes speed only: on or off");
  add_setting_flag(*command, flags, "--kernels", "kernels", "Instruction set, by name");
  add_setting_flag(
      *command, flags, "--keep-alive", "keep_alive",
      "How long a model that a request brought into memory stays after the last one (default 5m); "
      "-1 = for good");
  add_setting_flag(
      *command, flags, "--require-keys", "require_keys",
      "When to ask for keys: exposed (default: when other machines can reach the address), always, never");
  add_setting_flag(*command, flags, "--tls-cert", "tls_cert", "Certificate chain, PEM; serves HTTPS");
  add_setting_flag(*command, flags, "--tls-key", "tls_key", "The certificate's private key, PEM");
  add_setting_flag(*command, flags, "--log-format", "log_format", "text, or json: an object a line");
  add_setting_flag(*command, flags, "--log-level", "log_level", "trace, debug, info, warning, error or off");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_serve(*options, environment); };
  });
}

}  // namespace hearth::app
