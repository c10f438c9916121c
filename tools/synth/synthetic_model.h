// Model files with the exact shapes, names, metadata and types of real models, and random weights: what speed
// and memory are measured on where the real files are not at hand, and what tests run on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace hearth::synth {

struct SynthOptions {
  std::string spec;  // "llama-3.1-8b", "tiny-gemma4", ... (model_spec.cc)
  std::filesystem::path output;
  std::string quant = "q4_k_m";                     // convert/quant_mix.h
  std::optional<uint32_t> n_layers = std::nullopt;  // other than the model has
  std::optional<uint32_t> context = std::nullopt;
  std::filesystem::path vocabulary = {};  // a GGUF whose tokenizer to copy; empty for a made-up one
  uint64_t seed = 1;
  int n_threads = 0;  // 0: all there are
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress = {};
};

// The file depends on the options only, not on threads or machine. Errors: kInvalidArgument for unknown names
// and impossible numbers, kIo also when the disk has too little room, and what reading the vocabulary says.
Result<void> write_synthetic_model(const SynthOptions& options);

// The size of the file that would be written.
Result<uint64_t> synthetic_model_bytes(const SynthOptions& options);

}  // namespace hearth::synth
