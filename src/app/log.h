// What a running server says on standard error: sentences, and a line for each request. No prompt, no answer,
// no key and no query string comes into it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/http_server.h"
#include "api/json.h"
#include "app/settings.h"

namespace spdlog {
class logger;
}

namespace hearth::app {

// Thread-safe; a line that cannot be written is lost, which is no reason to stop serving.
class Log {
 public:
  // `level`: as in Settings::log_level.
  Log(const std::string& level, LogFormat format);

  void info(std::string_view sentence);
  void warning(std::string_view sentence);
  void access(const api::AccessRecord& record);

 private:
  void say(int level, std::string_view sentence);

  LogFormat format_;
  std::shared_ptr<spdlog::logger> logger_;
};

// One line each, without a time.
std::string access_text(const api::AccessRecord& record);
// {"event":"request",...}: ids, sizes and milliseconds; what does not apply is left out.
api::Json access_json(const api::AccessRecord& record);

}  // namespace hearth::app
