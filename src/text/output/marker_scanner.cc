#include "text/output/marker_scanner.h"

#include <algorithm>

namespace hearth::text {

MarkerScanner::MarkerScanner(const OutputSyntax& syntax) {
  for (size_t i = 0; i < kMarkerCount; ++i) {
    if (!syntax.spelling[i].empty() && !syntax.token[i]) {
      markers_.emplace_back(static_cast<Marker>(i), syntax.spelling[i]);
    }
  }
}

std::vector<MarkerScanner::Piece> MarkerScanner::push(std::string_view text) {
  std::vector<Piece> pieces;
  held_ += text;
  const std::string_view all = held_;
  size_t begin = 0;  // of the piece that is being put together
  size_t at = 0;
  while (at < all.size()) {
    const std::string_view rest = all.substr(at);
    const auto whole = std::find_if(markers_.begin(), markers_.end(),
                                    [&](const auto& marker) { return rest.starts_with(marker.second); });
    if (whole != markers_.end()) {
      pieces.push_back({std::string(all.substr(begin, at - begin)), whole->first});
      at += whole->second.size();
      begin = at;
      continue;
    }
    if (std::any_of(markers_.begin(), markers_.end(),
                    [&](const auto& marker) { return marker.second.starts_with(rest); })) {
      break;
    }
    ++at;
  }
  if (at > begin) pieces.push_back({std::string(all.substr(begin, at - begin)), std::nullopt});
  held_.erase(0, at);
  return pieces;
}

}  // namespace hearth::text
