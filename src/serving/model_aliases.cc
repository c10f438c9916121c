#include "serving/model_aliases.h"

#include <algorithm>

namespace hearth::serving {
namespace {

// Linear in the name for each '*': what follows one is looked for at the first place that fits.
bool fits(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  for (;;) {
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    if (star == std::string_view::npos) return name.ends_with(pattern);
    const size_t at = name.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return false;
    name.remove_prefix(at + star);
  }
}

}  // namespace

std::string ModelAliases::resolve(const std::string& name, const std::vector<ModelSummary>& served) const {
  const auto is_name = [&](const ModelSummary& model) { return model.name == name; };
  if (std::any_of(served.begin(), served.end(), is_name)) return name;
  const ModelAlias* best = nullptr;
  for (const ModelAlias& alias : aliases_) {
    if (alias.pattern == name) return alias.model;
    const bool longer = best == nullptr || alias.pattern.size() > best->pattern.size();
    if (longer && fits(alias.pattern, name)) best = &alias;
  }
  if (best != nullptr) return best->model;
  if (served.size() == 1 && fits(kAgentModels, name)) return served.front().name;
  return name;
}

}  // namespace hearth::serving
