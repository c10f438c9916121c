#include "serving/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace hearth::serving {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  for (const std::string& stop : stops_) longest_ = std::max(longest_, stop.size());
}

StopMatcher::Result StopMatcher::push(std::string_view text) {
  if (stops_.empty()) return {std::string(text), {}, false};
  held_ += text;
  size_t at = std::string::npos;
  const std::string* match = nullptr;
  for (const std::string& stop : stops_) {
    const size_t found = held_.find(stop);
    if (found < at) {
      at = found;
      match = &stop;
    }
  }
  Result result;
  if (match != nullptr) {
    result = {held_.substr(0, at), *match, true};
    held_.clear();
    return result;
  }
  // The longest suffix that begins a stop string stays.
  size_t keep = std::min(held_.size(), longest_ - 1);
  for (; keep > 0; --keep) {
    const std::string_view suffix = std::string_view(held_).substr(held_.size() - keep);
    if (std::any_of(stops_.begin(), stops_.end(),
                    [&](const std::string& stop) { return stop.starts_with(suffix); }))
      break;
  }
  result.text = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return result;
}

std::string StopMatcher::finish() {
  return std::exchange(held_, {});
}

}  // namespace hearth::serving
