#include "app/log.h"

#include <fmt/chrono.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <chrono>
#include <cmath>

#include "app/terminal_text.h"

namespace hearth::app {
namespace {

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                     ms);
}

std::string with_head(spdlog::level::level_enum level, const api::Json& members) {
  const auto word = spdlog::level::to_string_view(level);
  api::Json line = {{"time", utc_now()}, {"level", std::string(word.data(), word.size())}};
  line.update(members);
  return api::dump(line);
}

double rounded(double ms) {
  return std::round(ms * 10) / 10;
}

}  // namespace

Log::Log(const std::string& level, LogFormat format)
    : format_(format),
      logger_(std::make_shared<spdlog::logger>("hearth",
                                               std::make_shared<spdlog::sinks::stderr_color_sink_mt>())) {
  logger_->set_level(spdlog::level::from_str(level));
  logger_->set_pattern(format == LogFormat::kJson ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  logger_->set_error_handler([](const std::string&) {});
}

void Log::say(int level, std::string_view sentence) {
  const auto spd_level = static_cast<spdlog::level::level_enum>(level);
  if (format_ == LogFormat::kText) {
    logger_->log(spd_level, "{}", visible_line(sentence));
  } else {
    logger_->log(spd_level, "{}", with_head(spd_level, {{"event", "message"}, {"message", sentence}}));
  }
}

void Log::info(std::string_view sentence) {
  say(spdlog::level::info, sentence);
}

void Log::warning(std::string_view sentence) {
  say(spdlog::level::warn, sentence);
}

void Log::access(const api::AccessRecord& record) {
  logger_->log(spdlog::level::info, "{}",
               format_ == LogFormat::kText ? access_text(record)
                                           : with_head(spdlog::level::info, access_json(record)));
}

std::string access_text(const api::AccessRecord& record) {
  const api::RequestNotes& notes = record.notes;
  std::string line = fmt::format("{} {} {} {} {:.0f} ms {} bytes", record.remote_address, record.method,
                                 record.path, record.status, record.duration_ms, record.sent_bytes);
  if (!record.key_name.empty()) line += " key=" + record.key_name;
  if (!notes.model.empty()) line += " model=" + visible_line(notes.model);
  if (notes.prompt_tokens + notes.completion_tokens > 0) {
    line += fmt::format(" tokens={}+{} cached={} queue={:.0f} prefill={:.0f} decode={:.0f}",
                        notes.prompt_tokens, notes.completion_tokens, notes.cached_tokens, notes.queue_ms,
                        notes.prefill_ms, notes.decode_ms);
  }
  return line + " " + record.request_id;
}

api::Json access_json(const api::AccessRecord& record) {
  const api::RequestNotes& notes = record.notes;
  api::Json line = {{"event", "request"},
                    {"request_id", record.request_id},
                    {"remote", record.remote_address},
                    {"method", record.method},
                    {"path", record.path},
                    {"status", record.status},
                    {"ms", rounded(record.duration_ms)},
                    {"sent_bytes", record.sent_bytes}};
  if (!record.key_name.empty()) line["key"] = record.key_name;
  if (!notes.model.empty()) line["model"] = notes.model;
  if (notes.prompt_tokens + notes.completion_tokens > 0) {
    line["prompt_tokens"] = notes.prompt_tokens;
    line["cached_tokens"] = notes.cached_tokens;
    line["completion_tokens"] = notes.completion_tokens;
    line["queue_ms"] = rounded(notes.queue_ms);
    line["prefill_ms"] = rounded(notes.prefill_ms);
    line["decode_ms"] = rounded(notes.decode_ms);
  }
  return line;
}

}  // namespace hearth::app
