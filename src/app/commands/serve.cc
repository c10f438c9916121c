// serve: the server, until a signal ends it.
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>

#include "api/http_server.h"
#include "api/openai/routes.h"
#include "api/status_routes.h"
#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "app/shutdown_signals.h"
#include "app/terminal_text.h"
#include "app/version.h"
#include "serving/model_pool.h"

namespace hearth::app {
namespace {

constexpr std::chrono::seconds kGrace{30};

struct ServeOptions {
  SettingFlags settings;
};

std::shared_ptr<spdlog::logger> make_logger(const Settings& settings) {
  auto logger =
      std::make_shared<spdlog::logger>("hearth", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(spdlog::level::from_str(settings.log_level));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  logger->set_error_handler([](const std::string&) {});  // a full log disk is no reason to stop serving
  return logger;
}

void log_access(spdlog::logger& logger, const api::AccessRecord& record) {
  const std::string model = record.notes.model.empty() ? "" : " model=" + visible_line(record.notes.model);
  const std::string tokens =
      record.notes.prompt_tokens + record.notes.completion_tokens == 0
          ? ""
          : fmt::format(" tokens={}+{}", record.notes.prompt_tokens, record.notes.completion_tokens);
  logger.info("{} {} {} {} {:.0f} ms {} bytes{}{} {}", record.remote_address, record.method, record.path,
              record.status, record.duration_ms, record.sent_bytes, model, tokens, record.request_id);
}

// Loads what the settings name, with a bar for what takes long. The bar of the file under way is reached from
// the loading thread, which this call waits for.
Status load_models(serving::ModelPool& pool, const Settings& settings, std::unique_ptr<ProgressBar>& bar,
                   const Environment& environment, spdlog::logger& logger) {
  for (const std::filesystem::path& path : settings.models) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      return fail(ErrorCategory::kNotFound, "there is no file \"{}\"; give the path of a GGUF model file",
                  path.string());
    }
    bar = std::make_unique<ProgressBar>("loading " + visible_line(path.filename().string()), environment.err,
                                        environment.err_is_terminal);
    auto loaded = pool.load(path);
    bar.reset();
    if (!loaded) return propagate(std::move(loaded).error());
    logger.info("loaded {} ({}, {}, {}), context {} tokens", visible_line(loaded->name), loaded->architecture,
                human_bytes(loaded->size_bytes), loaded->quantisation, loaded->context_length);
  }
  return {};
}

std::string welcome(const std::string& url, const std::vector<serving::ModelSummary>& models) {
  std::string text = fmt::format("Hearth {} is at {}\n", kVersion, url);
  if (models.empty()) return text + "No model is loaded; --model PATH loads one.\n";
  return text + fmt::format(
                    "Try it:\n  curl {}/v1/chat/completions -H 'Content-Type: application/json' \\\n"
                    "    -d '{{\"model\": \"{}\", \"messages\": [{{\"role\": \"user\", \"content\": "
                    "\"Hello\"}}]}}'\n",
                    url, visible_line(models.front().name));
}

Status run_serve(const ServeOptions& options, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, options.settings));
  const std::shared_ptr<spdlog::logger> logger = make_logger(settings);
  std::signal(SIGPIPE, SIG_IGN);
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals

  std::unique_ptr<ProgressBar> bar;
  serving::ModelPoolOptions pool_options;
  pool_options.n_threads = settings.threads;
  pool_options.context_length = settings.context;
  pool_options.kv_dtype = settings.kv_type;
  pool_options.speculate = settings.speculation;
  pool_options.kernels = settings.kernels;
  pool_options.keep_alive = settings.keep_alive;
  pool_options.on_load_progress = [&bar](const serving::LoadProgress& progress) {
    if (bar) bar->update(progress.done_bytes, progress.total_bytes);
  };
  HEARTH_TRY(const std::unique_ptr<serving::ModelPool> pool,
             serving::ModelPool::create(std::move(pool_options)));

  api::HttpServerOptions server_options;
  server_options.host = settings.host;
  server_options.port = settings.port;
  server_options.allowed_hosts = settings.allowed_hosts;
  server_options.allowed_origins = settings.allowed_origins;
  server_options.on_access = [logger](const api::AccessRecord& record) { log_access(*logger, record); };
  api::Router router;
  api::add_status_routes(router, *pool);
  api::openai::add_openai_routes(router, *pool);
  // Takes the address before the models are read: a taken port is known at once.
  HEARTH_TRY(const std::unique_ptr<api::HttpServer> server,
             api::HttpServer::create(std::move(server_options), std::move(router)));
  HEARTH_CHECK_OK(load_models(*pool, settings, bar, environment, *logger));

  environment.print(welcome(server->url(), pool->list_models()));
  std::fflush(environment.out);
  std::clearerr(environment.out);  // serving does not depend on somebody reading this

  signals.watch(
      [&] {
        logger->info("stopping; requests under way get {} s, a second signal ends them now", kGrace.count());
        server->stop(kGrace);
      },
      [&] { server->stop(std::chrono::milliseconds(0)); });
  server->run();
  signals.stop();
  pool->shut_down(0);
  logger->info("stopped");
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
          "Path of a GGUF file to serve; may be given several times")
      ->allow_extra_args(false);
  add_setting_flag(*command, flags, "--context", "context",
                   "Tokens a request may use; 0 = the model's own, at most 8192");
  add_setting_flag(*command, flags, "--threads", "threads", "Compute threads; 0 = all processors");
  add_setting_flag(*command, flags, "--kv-type", "kv_type", "How the context is stored: f16, q8_0 or f32");
  add_setting_flag(*command, flags, "--speculation", "speculation",
                   "Draft tokens where the text repeats itself, which changes speed only: on or off");
  add_setting_flag(*command, flags, "--kernels", "kernels", "Instruction set, by name");
  add_setting_flag(
      *command, flags, "--keep-alive", "keep_alive",
      "How long a model that a request brought into memory stays after the last one (default 5m); "
      "-1 = for good");
  add_setting_flag(*command, flags, "--log-level", "log_level", "trace, debug, info, warning, error or off");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_serve(*options, environment); };
  });
}

}  // namespace hearth::app
