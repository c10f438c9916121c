#include "catalogue/known_models.h"

#include <algorithm>
#include <utility>

#include "catalogue/model_spec.h"
#include "convert/json_file.h"
#include "convert/quant_mix.h"

namespace hearth::catalogue {
namespace {

using convert::Json;

constexpr auto kCorrupt = ErrorCategory::kCorrupt;
constexpr uint64_t kBest = 100;
constexpr std::pair<const char*, int Fitness::*> kPurposes[] = {{"chat", &Fitness::chat},
                                                                {"reasoning", &Fitness::reasoning},
                                                                {"documents", &Fitness::documents},
                                                                {"embedding", &Fitness::embedding}};
constexpr std::string_view kOther[] = {"name", "shape", "types", "pull"};

Status check_members(const Json& entry) {
  for (const auto& [key, value] : entry.items()) {
    const bool known = std::find(std::begin(kOther), std::end(kOther), key) != std::end(kOther) ||
                       std::any_of(std::begin(kPurposes), std::end(kPurposes),
                                   [&](const auto& purpose) { return key == purpose.first; });
    if (!known) return fail(kCorrupt, "{} is no member that a model has", key);
  }
  return {};
}

Result<std::vector<std::string>> read_types(const Json& entry) {
  const Json* types = convert::find_member(entry, "types");
  if (types == nullptr || !types->is_array() || types->empty()) {
    return fail(kCorrupt, "types must be a list of at least one");
  }
  std::vector<std::string> names;
  for (const Json& type : *types) {
    if (!type.is_string()) return fail(kCorrupt, "types must be names");
    HEARTH_TRY(const convert::QuantMix mix, convert::find_quant_mix(type.get<std::string>()));
    names.emplace_back(mix.name);
  }
  return names;
}

Result<KnownModel> read_model(const Json& entry, const std::string& name) {
  HEARTH_CHECK_OK(check_members(entry));
  KnownModel model{.name = name, .shape = {}, .quants = {}, .pull = {}, .fitness = {}};
  HEARTH_TRY(const auto shape, convert::get_string(entry, "shape"));
  model.shape = shape.value_or("");
  if (find_model_spec(model.shape) == nullptr) return fail(kCorrupt, "there is no shape \"{}\"", model.shape);
  HEARTH_TRY(model.quants, read_types(entry));
  HEARTH_TRY(const auto pull, convert::get_string(entry, "pull"));
  model.pull = pull.value_or("");
  for (const auto& [key, member] : kPurposes) {
    HEARTH_TRY(const auto value, convert::get_uint(entry, key, kBest));
    model.fitness.*member = static_cast<int>(value.value_or(0));
  }
  return model;
}

}  // namespace

Result<std::vector<KnownModel>> parse_known_models(std::string_view text) {
  HEARTH_TRY(const Json json, convert::parse_json(text));
  const Json* entries = convert::find_member(json, "models");
  if (entries == nullptr || !entries->is_array()) return fail(kCorrupt, "there is no list \"models\"");
  std::vector<KnownModel> models;
  for (size_t i = 0; i < entries->size(); ++i) {
    const Json& entry = (*entries)[i];
    const auto name = convert::get_string(entry.is_object() ? entry : Json::object(), "name");
    if (!name || !*name || (*name)->empty()) return fail(kCorrupt, "models[{}] has no name", i);
    auto model = read_model(entry, **name);
    if (!model) {
      Error error = std::move(model).error();
      error.category = kCorrupt;
      return propagate(std::move(error), **name);
    }
    if (std::any_of(models.begin(), models.end(), [&](const auto& other) { return other.name == **name; })) {
      return fail(kCorrupt, "{} comes twice", **name);
    }
    models.push_back(*std::move(model));
  }
  return models;
}

std::span<const KnownModel> known_models() {
  // A damaged file fails the tests; a program that was built of one knows no models.
  static const std::vector<KnownModel> models =
      parse_known_models(known_models_json()).value_or(std::vector<KnownModel>());
  return models;
}

}  // namespace hearth::catalogue
