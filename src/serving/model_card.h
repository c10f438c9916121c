// What a model file is, read from its metadata and tensor table alone: for `show`, listings and the API.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sampling_params.h"
#include "gguf/model_file.h"

namespace hearth::text {
class ChatTemplate;
}

namespace hearth::serving {

struct TensorTypeShare {
  kernels::DType dtype{};
  uint64_t tensors = 0;
  uint64_t parameters = 0;
  uint64_t bytes = 0;
};

struct ModelCapabilities {
  bool completion = false;  // generates text
  bool chat = false;        // has a chat template of its own
  bool tools = false;       // its template writes tool declarations, and its calls can be read
  bool thinking = false;    // its template knows about reasoning
  bool embedding = false;
  bool vision = false;  // carries an image encoder
};

struct ModelCard {
  std::string name;  // general.name, or the file's name
  std::string architecture;
  std::string size_label;  // the author's: "8B"
  std::string author, organization, version, description, license, url;

  uint32_t gguf_version = 0;
  uint64_t size_bytes = 0;  // of all shards
  size_t shards = 0;
  uint64_t tensors = 0;
  uint64_t parameters = 0;
  std::vector<TensorTypeShare> quantisation;  // most bytes first

  // Absent where the file does not say.
  std::optional<uint64_t> context_length, embedding_length, layers, heads, kv_heads;
  std::optional<uint64_t> experts, experts_used;

  std::string tokenizer, pre_tokenizer;  // tokenizer.ggml.model and .pre
  uint64_t vocabulary_size = 0;
  bool has_chat_template = false;  // false: chats use the default template
  ModelCapabilities capabilities;
  engine::SamplingParams sampling;  // defaults, with the author's values where the file has some
  bool has_sampling = false;        // the file has some

  std::vector<std::string> warnings;  // what is odd about the file, one sentence each

  // The tensor type most of the parameters are stored in: "Q4_K".
  std::string main_type() const;
};

// Whether a model with this template can be given tools.
bool offers_tools(const text::ChatTemplate& chat, std::string_view source);

// Odd or missing optional keys become warnings. Error: kCorrupt without an architecture.
Result<ModelCard> read_model_card(const gguf::ModelFile& file);

}  // namespace hearth::serving
