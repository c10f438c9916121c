// Further names of models, so that clients whose model names cannot be changed find one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/generation_service.h"

namespace hearth::serving {

struct ModelAlias {
  std::string pattern;  // '*' stands for any characters: "gpt-4*"
  std::string model;
};

class ModelAliases {
 public:
  // Coding agents ask for several "claude-…" models at once (a main one and a small, fast one) and fail where
  // one is missing. So, where one model alone is served and no alias says otherwise, it answers to all of
  // these.
  static constexpr std::string_view kAgentModels = "claude-*";

  ModelAliases() = default;
  explicit ModelAliases(std::vector<ModelAlias> aliases) : aliases_(std::move(aliases)) {}

  // The model that `name` means: itself if it is served, else by an alias without '*', else by the longest
  // pattern that fits, else itself. An alias of an alias is not followed.
  std::string resolve(const std::string& name, const std::vector<ModelSummary>& served) const;

 private:
  std::vector<ModelAlias> aliases_;
};

}  // namespace hearth::serving
