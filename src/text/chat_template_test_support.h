// Short ways to run small templates in tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "text/chat_template.h"

namespace hearth::text::testing_support {

inline constexpr int64_t kNow = 1'753'790'425;  // 2025-07-29 12:00:25 UTC

inline Result<PromptText> try_render(std::string_view source, ValueMap context = {},
                                     TemplateLimits limits = {}) {
  auto compiled = ChatTemplate::compile(source, limits);
  if (!compiled) return propagate(compiled.error());
  return compiled->render(Value::map(std::move(context)), kNow);
}

// The text, or "error: …".
inline std::string render(std::string_view source, ValueMap context = {}, TemplateLimits limits = {}) {
  auto result = try_render(source, std::move(context), limits);
  return result ? result->text : "error: " + result.error().message;
}

// The text with what is untrusted between ‹ and ›.
inline std::string render_marked(std::string_view source, ValueMap context) {
  auto result = try_render(source, std::move(context));
  if (!result) return "error: " + result.error().message;
  std::string out;
  size_t done = 0;
  for (const ByteRange& range : result->untrusted) {
    out += result->text.substr(done, range.begin - done) + "‹" +
           result->text.substr(range.begin, range.end - range.begin) + "›";
    done = range.end;
  }
  return out + result->text.substr(done);
}

struct Example {
  std::string_view source;
  std::string_view expected;
};

}  // namespace hearth::text::testing_support
