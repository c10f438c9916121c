// Names of models: [HOST/][SPACE/]MODEL[:TAG], as registries and Ollama write them. "llama3.1:8b" is
// registry.ollama.ai/library/llama3.1:8b; "hf.co/user/repo:Q4_K_M" a repository of Hugging Face.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::store {

struct ModelName {
  static constexpr std::string_view kDefaultHost = "registry.ollama.ai";
  static constexpr std::string_view kDefaultSpace = "library";
  static constexpr std::string_view kDefaultTag = "latest";

  std::string host{kDefaultHost};
  std::string space{kDefaultSpace};
  std::string model;
  std::string tag{kDefaultTag};

  // "http://" and "https://" in front are left out. The parts of a name that was parsed are safe as names of
  // folders. Errors: kInvalidArgument says which part is wrong and what may stand there.
  static Result<ModelName> parse(std::string_view text);

  // A name of a model, without host, space and tag, for a file of any name: as it is where it can be, else
  // with '-' for what parse() refuses and, where that is more than punctuation, the beginning of a digest
  // that tells such names apart.
  static std::string for_file(std::string_view stem);
  // The same for a namespace, of the folders that a file is in.
  static std::string space_for_folder(std::string_view path);

  // As short as parse() understands it, but always with its tag.
  std::string text() const;
  // HOST/SPACE/MODEL/TAG.
  std::filesystem::path path() const;

  bool on_hugging_face() const;
};

// Case does not matter: names that differ in it alone cannot live beside each other on every file system.
bool operator==(const ModelName& a, const ModelName& b);

}  // namespace hearth::store
