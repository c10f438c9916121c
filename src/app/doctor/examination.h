// What this machine and the settings give Hearth to work with, what is wrong with it, and what to do about
// it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/settings.h"

namespace hearth::app {

struct Finding {
  enum class State {
    kGood,
    kNote,    // works; something is off or could be better
    kBroken,  // does not work
  };
  State state = State::kGood;
  std::string subject;   // "memory"
  std::string text;      // what was found, a sentence
  std::string remedy{};  // what to do, a sentence; empty = nothing
};

// Each looks at one thing; none changes anything.
Finding examine_settings(const Result<Settings>& settings);
Finding examine_kernels(const Settings& settings);
Finding examine_threads(const Settings& settings);
Finding examine_memory(const Settings& settings);
Finding examine_huge_pages();
Finding examine_disk(const Settings& settings);
// Whether it is free; else who answers there.
Finding examine_address(const Settings& settings);
Finding examine_access(const Settings& settings);
// Where models are pulled from, and whether the certificates for it can be read.
Finding examine_registries(const Settings& settings);
// How many models can be used, those of the own store and others apart; one for each problem of a model, and
// of the folders they are in. Reads names, sizes and the heads of files.
std::vector<Finding> examine_store(const Settings& settings);
// Reads every byte of the store's blobs. `on_progress` as that of ModelStore::verify.
std::vector<Finding> examine_contents(const Settings& settings,
                                      const std::function<bool(uint64_t, uint64_t)>& on_progress);
std::vector<Finding> examine_models(const Settings& settings);    // one for each that is to be served
std::vector<Finding> examine_features(const Settings& settings);  // what is turned off
// Measures for about half a second.
Finding examine_speed(const Settings& settings);

// All of them but the contents. With settings that cannot be read, what the default ones give.
std::vector<Finding> examine(const Result<Settings>& settings);

}  // namespace hearth::app
