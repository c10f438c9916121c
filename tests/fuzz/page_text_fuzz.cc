// What the page's routes read beside JSON: any question gives a title in whole characters, and any cookie a
// session that is a part of it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/access/sessions.h"
#include "api/json.h"
#include "api/page/chat_title.h"
#include "fuzz_target.h"

using namespace hearth::api;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  HttpRequest request;
  request.method = "GET";
  request.path = "/page/chats";
  request.headers = {{"cookie", text}};
  const std::string_view session = Sessions::presented(request);
  if (session.size() > text.size() || session.find(';') != std::string_view::npos) std::abort();
  // Questions are text, as the JSON that they came in was.
  const auto is_text = [](const std::string& bytes) {
    try {
      static_cast<void>(Json(bytes).dump());
      return true;
    } catch (const Json::exception&) {
      return false;
    }
  };
  if (!is_text(text)) return 0;
  const std::string title = page::title_of(text);
  if (!is_text(title) || title.size() > 4 * 61 + 3 || title.find('\n') != std::string::npos) std::abort();
  return 0;
}
