#include "app/transfer_options.h"

namespace hearth::app {

registry::TransferOptions transfer_options(const Settings& settings, const EnvironmentLookup& environment) {
  registry::TransferOptions options;
  options.policy = registry::RegistryPolicy(settings.registries, settings.registry_ca_file.string());
  if (auto base = environment("HF_ENDPOINT"); base && !base->empty()) {
    while (base->ends_with('/')) base->pop_back();
    options.hub_base = *std::move(base);
  }
  options.hub_token = environment("HF_TOKEN").value_or("");
  return options;
}

}  // namespace hearth::app
