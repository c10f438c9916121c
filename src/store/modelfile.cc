#include "store/modelfile.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "gguf/shards.h"

namespace hearth::store {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kTripleQuote = "\"\"\"";

struct KnownParameter {
  std::string_view name;
  ParameterType type;
};
constexpr KnownParameter kParameters[] = {{"draft_num_predict", ParameterType::kInteger},
                                          {"frequency_penalty", ParameterType::kNumber},
                                          {"main_gpu", ParameterType::kInteger},
                                          {"min_p", ParameterType::kNumber},
                                          {"num_batch", ParameterType::kInteger},
                                          {"num_ctx", ParameterType::kInteger},
                                          {"num_gpu", ParameterType::kInteger},
                                          {"num_keep", ParameterType::kInteger},
                                          {"num_predict", ParameterType::kInteger},
                                          {"num_thread", ParameterType::kInteger},
                                          {"presence_penalty", ParameterType::kNumber},
                                          {"repeat_last_n", ParameterType::kInteger},
                                          {"repeat_penalty", ParameterType::kNumber},
                                          {"seed", ParameterType::kInteger},
                                          {"stop", ParameterType::kText},
                                          {"temperature", ParameterType::kNumber},
                                          {"top_k", ParameterType::kInteger},
                                          {"top_p", ParameterType::kNumber},
                                          {"typical_p", ParameterType::kNumber},
                                          {"use_mmap", ParameterType::kBoolean}};
constexpr std::string_view kFormerParameters[] = {
    "f16_kv", "logits_all",       "low_vram", "mirostat",  "mirostat_eta", "mirostat_tau",
    "numa",   "penalize_newline", "tfs_z",    "use_mlock", "vocab_only"};

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::string in_case(std::string_view text, int (*change)(int)) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return out;
}

// nullopt: the quotes are not closed yet.
std::optional<std::string_view> unquoted(std::string_view value) {
  for (std::string_view quote : {kTripleQuote, kTripleQuote.substr(0, 1)}) {
    if (!value.starts_with(quote)) continue;
    if (value.size() < 2 * quote.size() || !value.ends_with(quote)) return std::nullopt;
    return value.substr(quote.size(), value.size() - 2 * quote.size());
  }
  return value;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr uint32_t kLeads[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLeads[more] | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
}

Result<std::string> from_utf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]),
               second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<uint32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  std::string out;
  for (size_t at = 0; at + 1 < bytes.size(); at += 2) {
    uint32_t c = unit(at);
    if (c >= 0xD800 && c < 0xDC00 && at + 3 < bytes.size()) {
      const uint32_t low = unit(at + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        at += 2;
      }
    }
    if (c >= 0xD800 && c < 0xE000)
      return fail(ErrorCategory::kInvalidArgument, "the Modelfile is not valid UTF-16");
    append_utf8(out, c);
  }
  return out;
}

bool is_utf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[at]);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || at + length > bytes.size()) return false;
    uint32_t c = lead & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[at + i]);
      if ((byte & 0xC0) != 0x80) return false;
      c = c << 6 | (byte & 0x3FU);
    }
    const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
    if (overlong || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return false;
    at += length;
  }
  return true;
}

Result<std::string> as_utf8(std::string_view text) {
  if (text.starts_with("\xFF\xFE")) return from_utf16(text.substr(2), false);
  if (text.starts_with("\xFE\xFF")) return from_utf16(text.substr(2), true);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!is_utf8(text)) return fail(ErrorCategory::kInvalidArgument, "the Modelfile is not UTF-8 text");
  return std::string(text);
}

bool fits(ParameterType type, std::string_view value) {
  const char* end = value.data() + value.size();
  switch (type) {
    case ParameterType::kInteger: {
      int64_t number = 0;
      const auto [stop, error] = std::from_chars(value.data(), end, number);
      return stop == end && error == std::errc();
    }
    case ParameterType::kNumber: {
      double number = 0;
      const auto [stop, error] = std::from_chars(value.data(), end, number);
      return stop == end && error == std::errc() && std::isfinite(number);
    }
    case ParameterType::kBoolean:
      return value == "true" || value == "false";
    case ParameterType::kText:
      return true;
  }
  return false;
}

std::string_view described(ParameterType type) {
  switch (type) {
    case ParameterType::kInteger:
      return "a whole number";
    case ParameterType::kNumber:
      return "a number";
    case ParameterType::kBoolean:
      return "true or false";
    case ParameterType::kText:
      break;
  }
  return "text";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<Modelfile> run() {
    while (!rest_.empty()) {
      const std::string_view line = trimmed(rest_.substr(0, rest_.find('\n')));
      command_line_ = line_;
      if (line.empty() || line.front() == '#') {
        take_line();
      } else {
        HEARTH_CHECK_OK(command());
      }
    }
    if (file_.from.empty()) {
      return hearth::fail(ErrorCategory::kInvalidArgument,
                          "no FROM line: it says what the model is made from");
    }
    return std::move(file_);
  }

 private:
  template <typename... Args>
  tl::unexpected<Error> fail(ErrorCategory category, fmt::format_string<Args...> format,
                             Args&&... args) const {
    return hearth::fail(category, "(line {}): {}", command_line_,
                        fmt::format(format, std::forward<Args>(args)...));
  }

  // The next line without its end.
  std::string_view take_line() {
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
    return line;
  }

  // A word of the line, and the blanks behind it.
  std::string_view take_word() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    const size_t end = std::min(rest_.find_first_of(kBlanks), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    return word;
  }

  Result<std::string> value(std::string_view command) {
    const char* begin = rest_.data();
    const bool is_quoted = rest_.starts_with('"');
    while (true) {
      const bool last = rest_.find('\n') == std::string_view::npos;
      const std::string_view line = take_line();
      const std::string_view whole =
          trimmed(std::string_view(begin, static_cast<size_t>(line.data() + line.size() - begin)));
      if (const auto value = unquoted(whole)) {
        if (value->empty() && !is_quoted)
          return fail(ErrorCategory::kInvalidArgument, "{} needs a value", command);
        return std::string(*value);
      }
      if (last) {
        return fail(ErrorCategory::kInvalidArgument,
                    "the quotes of {} are not closed: they must end a line, with nothing behind them",
                    command);
      }
    }
  }

  Status command() {
    const std::string word = in_case(take_word(), std::toupper);
    if (word == "PARAMETER") return parameter();
    if (word == "MESSAGE") return message();
    constexpr std::string_view kOthers[] = {"FROM",  "TEMPLATE", "SYSTEM",   "LICENSE", "ADAPTER",
                                            "DRAFT", "REQUIRES", "RENDERER", "PARSER"};
    if (std::find(std::begin(kOthers), std::end(kOthers), word) == std::end(kOthers)) {
      return fail(ErrorCategory::kInvalidArgument,
                  "\"{}\" is not a command; there are FROM, PARAMETER, TEMPLATE, SYSTEM, LICENSE and MESSAGE",
                  word.substr(0, 40));
    }
    HEARTH_TRY(std::string value, this->value(word));
    if (word == "ADAPTER") {
      return fail(ErrorCategory::kUnsupported, "ADAPTER: {}; {}", kNoAdapters, kMergeAdapter);
    }
    if (word == "DRAFT") {
      return fail(
          ErrorCategory::kUnsupported,
          "DRAFT: a second model is not used to draft; drafts are taken from the text itself. Leave the line "
          "out");
    }
    if (word == "FROM") {
      if (value.empty()) return fail(ErrorCategory::kInvalidArgument, "FROM needs a value");
      file_.from.push_back(std::move(value));
    } else if (word == "TEMPLATE") {
      file_.template_text = std::move(value);
    } else if (word == "SYSTEM") {
      file_.system = std::move(value);
    } else if (word == "LICENSE") {
      file_.licenses.push_back(std::move(value));
    } else {
      file_.warnings.push_back(fmt::format("line {}: {} has no effect here", command_line_, word));
    }
    return {};
  }

  Status parameter() {
    const std::string name = in_case(take_word(), std::tolower);
    HEARTH_TRY(std::string value, this->value("PARAMETER " + name));
    if (is_former_parameter(name)) {
      file_.warnings.push_back(
          fmt::format("line {}: the parameter {} has no effect any more", command_line_, name));
      return {};
    }
    const auto type = parameter_type(name);
    if (!type)
      return fail(ErrorCategory::kInvalidArgument, "there is no parameter \"{}\"", name.substr(0, 40));
    if (!fits(*type, value)) {
      return fail(ErrorCategory::kInvalidArgument, "{} must be {}, not \"{}\"", name, described(*type),
                  value.substr(0, 40));
    }
    file_.parameters.push_back({name, std::move(value)});
    return {};
  }

  Status message() {
    const std::string role = in_case(take_word(), std::tolower);
    if (role != "system" && role != "user" && role != "assistant") {
      return fail(ErrorCategory::kInvalidArgument,
                  "the role of a MESSAGE is system, user or assistant, not \"{}\"", role.substr(0, 40));
    }
    HEARTH_TRY(std::string content, value("MESSAGE " + role));
    file_.messages.push_back({role, std::move(content)});
    return {};
  }

  std::string_view rest_;
  size_t line_ = 1;
  size_t command_line_ = 1;
  Modelfile file_;
};

// What value() makes of a value's spelling: a spelling is right if that is the value.
bool reads_back(std::string_view spelling, std::string_view value) {
  size_t end = spelling.find('\n');
  while (end != std::string_view::npos && !unquoted(trimmed(spelling.substr(0, end)))) {
    end = spelling.find('\n', end + 1);
  }
  return end == std::string_view::npos && unquoted(trimmed(spelling)) == value && !spelling.empty();
}

Status write(std::string& out, std::string_view command, std::string_view value) {
  for (std::string_view quote : {std::string_view(), kTripleQuote, kTripleQuote.substr(0, 1)}) {
    const std::string spelling = fmt::format("{0}{1}{0}", quote, value);
    if (!reads_back(spelling, value)) continue;
    out += fmt::format("{} {}\n", command, spelling);
    return {};
  }
  return fail(ErrorCategory::kInvalidArgument,
              "{}: a Modelfile cannot hold this text: lines of it end with quotes that would close it",
              command);
}

}  // namespace

std::optional<ParameterType> parameter_type(std::string_view name) {
  const auto* found = std::find_if(std::begin(kParameters), std::end(kParameters),
                                   [&](const KnownParameter& parameter) { return parameter.name == name; });
  return found == std::end(kParameters) ? std::nullopt : std::optional(found->type);
}

bool is_former_parameter(std::string_view name) {
  return std::find(std::begin(kFormerParameters), std::end(kFormerParameters), name) !=
         std::end(kFormerParameters);
}

Result<Modelfile> parse_modelfile(std::string_view text) {
  HEARTH_TRY(const std::string decoded, as_utf8(text));
  return Parser(decoded).run();
}

std::string weights_for_from(std::string_view model, const std::filesystem::path& first, size_t n_files) {
  return n_files > 1 && !gguf::parse_shard_name(first) ? std::string(model) : first.string();
}

Result<std::string> write_modelfile(const Modelfile& modelfile) {
  std::string out;
  for (const std::string& from : modelfile.from) HEARTH_CHECK_OK(write(out, "FROM", from));
  if (modelfile.template_text) HEARTH_CHECK_OK(write(out, "TEMPLATE", *modelfile.template_text));
  if (modelfile.system) HEARTH_CHECK_OK(write(out, "SYSTEM", *modelfile.system));
  for (const auto& [name, value] : modelfile.parameters)
    HEARTH_CHECK_OK(write(out, "PARAMETER " + name, value));
  for (const auto& [role, content] : modelfile.messages)
    HEARTH_CHECK_OK(write(out, "MESSAGE " + role, content));
  for (const std::string& license : modelfile.licenses) HEARTH_CHECK_OK(write(out, "LICENSE", license));
  return out;
}

}  // namespace hearth::store
