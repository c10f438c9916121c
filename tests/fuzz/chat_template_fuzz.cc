// A template, a zero byte, and the text of a message: both parts are hostile. Whatever happens must stay
// within the limits, and marks must describe the text that came out.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fuzz_target.h"
#include "text/chat_template.h"

using hearth::text::ByteRange;
using hearth::text::ChatTemplate;
using hearth::text::TemplateLimits;
using hearth::text::Value;

namespace {

Value context(std::string_view message) {
  Value call = Value::map({{"id", "call1"},
                           {"type", "function"},
                           {"function", Value::map({{"name", Value::untrusted(std::string(message))},
                                                    {"arguments", Value::map({{"k", 1}, {"r", 0.5}})}})}});
  Value messages = Value::list(
      {Value::map({{"role", "system"}, {"content", "You are terse."}}),
       Value::map({{"role", "user"}, {"content", Value::untrusted(std::string(message))}}),
       Value::map({{"role", "assistant"}, {"content", Value()}, {"tool_calls", Value::list({call})}})});
  return Value::map({{"messages", messages},
                     {"x", Value::untrusted(std::string(message))},
                     {"tools", Value()},
                     {"bos_token", "<s>"},
                     {"add_generation_prompt", true}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t zero = input.find('\0');
  std::string_view source = input.substr(0, zero);
  std::string_view message = zero == input.npos ? std::string_view("hi") : input.substr(zero + 1);
  TemplateLimits limits;
  limits.steps = 20'000;
  limits.output_bytes = 64 << 10;
  auto compiled = ChatTemplate::compile(source, limits);
  if (!compiled) {
    if (compiled.error().message.empty()) std::abort();
    return 0;
  }
  auto rendered = compiled->render(context(message), 1'753'790'425);
  if (!rendered) return 0;
  if (rendered->text.size() > limits.output_bytes) std::abort();
  size_t last = 0;
  for (const ByteRange& range : rendered->untrusted) {
    bool apart = last == 0 || range.begin > last;
    if (!apart || range.begin >= range.end || range.end > rendered->text.size()) std::abort();
    last = range.end;
  }
  return 0;
}
