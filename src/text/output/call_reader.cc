#include "text/output/call_reader.h"

#include <algorithm>

namespace hearth::text {

size_t CallReader::read(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (phase_ != Phase::kReading) return i;
    const bool was_begun = begun_;
    if (!step(text[i])) {
      abandon();
      return i;
    }
    if (!was_begun) raw_ += text[i];
  }
  return text.size();
}

bool CallReader::read(Marker marker, std::string_view spelling) {
  if (!step(marker)) {
    abandon();
    return false;
  }
  if (!begun_) raw_ += spelling;
  return true;
}

void CallReader::abandon() {
  if (phase_ != Phase::kReading) return;
  phase_ = !begun_ ? Phase::kRejected : complete_ ? Phase::kOver : Phase::kBroken;
  if (phase_ == Phase::kBroken) give_up();
}

bool CallReader::offers(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

void CallReader::begin(std::string name) {
  name_ = std::move(name);
  begun_ = true;
}

std::unique_ptr<CallReader> make_call_reader(const OutputSyntax& syntax, std::optional<Marker> marker,
                                             std::span<const std::string> names) {
  if (names.empty()) return nullptr;
  std::string raw(marker ? syntax.spell(*marker) : std::string_view());
  switch (syntax.calls) {
    case CallNotation::kTaggedJson:
      if (marker == Marker::kCallBegin) return make_json_call_reader(names, std::move(raw), true);
      break;
    case CallNotation::kBareJson:
      if (!marker) return make_json_call_reader(names, std::move(raw), false);
      if (marker == Marker::kCallBegin) return make_python_tag_reader(names, std::move(raw));
      break;
    case CallNotation::kGemma:
      if (marker == Marker::kCallBegin) return make_gemma_call_reader(names, std::move(raw));
      break;
    case CallNotation::kDeepSeek:
      if (marker == Marker::kCallsBegin) return make_deepseek_call_reader(names, std::move(raw), true);
      if (marker == Marker::kCallBegin) return make_deepseek_call_reader(names, std::move(raw), false);
      break;
    case CallNotation::kNone:
      break;
  }
  return nullptr;
}

}  // namespace hearth::text
