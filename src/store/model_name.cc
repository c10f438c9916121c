#include "store/model_name.h"

#include <algorithm>
#include <span>

#include "base/sha256.h"

namespace hearth::store {
namespace {

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// A part begins with a letter, a digit or '_', so that it is no "..", no hidden file and no flag.
Status check_part(std::string_view what, std::string_view part, size_t longest, std::string_view others,
                  std::string_view whole) {
  const auto allowed = [&](char c) { return letter_or_digit(c) || others.find(c) != std::string_view::npos; };
  if (part.empty()) {
    return fail(ErrorCategory::kInvalidArgument, "the model name \"{}\" has no {}", whole, what);
  }
  if (part.size() > longest) {
    return fail(ErrorCategory::kInvalidArgument, "the {} of a model name has at most {} characters, not {}",
                what, longest, part.size());
  }
  if (!letter_or_digit(part.front()) && part.front() != '_') {
    return fail(ErrorCategory::kInvalidArgument,
                "the {} of the model name \"{}\" must begin with a letter, a digit or '_'", what, whole);
  }
  if (!std::all_of(part.begin(), part.end(), allowed)) {
    return fail(ErrorCategory::kInvalidArgument,
                "the {} of the model name \"{}\" may have letters, digits and {} only", what, whole, others);
  }
  return {};
}

constexpr size_t kLongestModel = 96;
constexpr std::string_view kModelPunctuation = "_-.";
constexpr size_t kLongestSpace = 80;
constexpr std::string_view kSpacePunctuation = "_-";
constexpr size_t kLongestText = 1'000;  // of which an error shows everything

// `text` as it is where it can be a part of a name; see ModelName::for_file(). `otherwise` stands for one of
// which nothing is left.
std::string fitting(std::string_view text, size_t longest, std::string_view punctuation,
                    std::string_view otherwise) {
  std::string name;
  bool distinct = true;  // names that differ still do
  for (const char c : text) {
    if (letter_or_digit(c) || (!name.empty() && punctuation.find(c) != std::string_view::npos)) {
      name += c;
      continue;
    }
    if (static_cast<unsigned char>(c) >= 128) distinct = false;
    if (!name.empty() && name.back() != '-') name += '-';
  }
  while (name.ends_with('-')) name.pop_back();
  if (!name.empty() && distinct && name.size() <= longest) return name;
  const std::string digest =
      to_hex(sha256({std::as_bytes(std::span(text.data(), text.size()))})).substr(0, 8);
  name.resize(std::min(name.size(), longest - digest.size() - 1));
  return fmt::format("{}-{}", name.empty() ? otherwise : name, digest);
}

}  // namespace

Result<ModelName> ModelName::parse(std::string_view text) {
  if (text.size() > kLongestText) {
    return fail(ErrorCategory::kInvalidArgument, "a model name of {} characters is too long", text.size());
  }
  std::string_view rest = text;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }

  ModelName name;
  if (const size_t colon = rest.rfind(':');
      colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    name.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  const size_t model_at = rest.rfind('/');
  name.model = rest.substr(model_at == std::string_view::npos ? 0 : model_at + 1);
  if (model_at != std::string_view::npos) {
    rest = rest.substr(0, model_at);
    const size_t space_at = rest.rfind('/');
    name.space = rest.substr(space_at == std::string_view::npos ? 0 : space_at + 1);
    if (space_at != std::string_view::npos) name.host = rest.substr(0, space_at);
  }

  HEARTH_CHECK_OK(check_part("host", name.host, 350, "_-.:", text));
  // Ollama knows no dot here, but people on Hugging Face have it in their names.
  HEARTH_CHECK_OK(check_part("namespace", name.space, kLongestSpace,
                             name.on_hugging_face() ? kModelPunctuation : kSpacePunctuation, text));
  HEARTH_CHECK_OK(check_part("model", name.model, kLongestModel, kModelPunctuation, text));
  HEARTH_CHECK_OK(check_part("tag", name.tag, 80, "_-.", text));
  return name;
}

std::string ModelName::for_file(std::string_view stem) {
  return fitting(stem, kLongestModel, kModelPunctuation, "model");
}

std::string ModelName::space_for_folder(std::string_view path) {
  return fitting(path, kLongestSpace, kSpacePunctuation, "folder");
}

std::string ModelName::text() const {
  std::string text = model + ":" + tag;
  const bool default_host = same(host, kDefaultHost);
  if (!default_host || !same(space, kDefaultSpace)) text = space + "/" + text;
  if (!default_host) text = host + "/" + text;
  return text;
}

std::filesystem::path ModelName::path() const {
  return std::filesystem::path(host) / space / model / tag;
}

bool ModelName::on_hugging_face() const {
  return same(host, "hf.co") || same(host, "huggingface.co");
}

bool operator==(const ModelName& a, const ModelName& b) {
  return same(a.host, b.host) && same(a.space, b.space) && same(a.model, b.model) && same(a.tag, b.tag);
}

}  // namespace hearth::store
