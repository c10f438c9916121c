// Splits text that comes in pieces at a syntax's text markers. Holds back only what may still become a
// marker.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/output/output_syntax.h"

namespace hearth::text {

class MarkerScanner {
 public:
  // Looks for the markers that are no tokens of their own.
  explicit MarkerScanner(const OutputSyntax& syntax);

  struct Piece {
    std::string text;
    std::optional<Marker> marker;  // behind the text
  };
  std::vector<Piece> push(std::string_view text);
  // What was held back, when no more text follows.
  std::string finish() { return std::exchange(held_, {}); }

 private:
  std::vector<std::pair<Marker, std::string_view>> markers_;
  std::string held_;
};

}  // namespace hearth::text
