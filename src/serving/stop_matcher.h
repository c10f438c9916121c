// Finds stop strings in text that comes in pieces. Text that could be the beginning of one is held back until
// it is decided.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::serving {

class StopMatcher {
 public:
  // Empty strings are ignored.
  explicit StopMatcher(std::vector<std::string> stops);

  struct Result {
    std::string text;  // certain to be output
    std::string stop;  // the string that matched; text after it is dropped
    bool stopped = false;
  };
  Result push(std::string_view text);
  // The text held back when the stream ends without a match.
  std::string finish();

 private:
  std::vector<std::string> stops_;
  size_t longest_ = 0;
  std::string held_;
};

}  // namespace hearth::serving
