#include "store/chats/import/chat_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "store/chats/export/chat_export.h"
#include "store/chats/import/chat_formats.h"

namespace hearth::store {
namespace {

constexpr size_t kMaxDepth = 64;                // of the JSON of one chat
constexpr size_t kMaxValues = size_t{1} << 20;  // likewise
constexpr size_t kMaxNesting = 1000;            // of the file: more is no file of chats
constexpr size_t kMaxNamedChats = 100;          // of those left out; the rest is counted

// Takes a file apart while it is read: each chat of its list is a document of its own, and goes when it has
// been looked at. A file of one chat is a list of one.
class ChatListReader : public nlohmann::json_sax<ForeignJson> {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(ForeignJson::object()); }
  bool start_array(std::size_t) override {
    const bool is_list = depth_ == 0 || (depth_ == 1 && !in_list_ && key_ == "chats");
    if (!is_list || in_list_) return open(ForeignJson::array());
    in_list_ = true;
    list_depth_ = ++depth_;
    return true;
  }
  bool key(string_t& value) override {
    (open_.empty() ? key_ : keys_.back()) = std::move(value);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override {
    if (open_.empty() && in_list_ && depth_ == list_depth_) {
      --depth_;
      in_list_ = false;
      had_list_ = true;
      return true;
    }
    return close();
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    std::string_view what = error.what();
    what = what.substr(0, what.find("; last read"));
    if (const size_t colon = what.find(": "); colon != std::string_view::npos) what.remove_prefix(colon + 2);
    problem_ = fmt::format("{} (near byte {})", what, position);
    return false;
  }

  const std::string& problem() const { return problem_; }
  // Where the list stands in an object, what stands beside it; else a file's only chat.
  const ForeignJson& head() const { return head_; }
  bool had_list() const { return had_list_; }
  ChatFile take() {
    if (!had_list_) chat_is_there(head_, {});
    if (n_chats_left_out_ > kMaxNamedChats) {
      file_.skipped.push_back(
          {fmt::format("more chats ({})", n_chats_left_out_ - kMaxNamedChats), "as above"});
    }
    left_out_.report(file_.skipped);
    return std::move(file_);
  }

 private:
  bool add(ForeignJson value) {
    ++n_values_;
    if (open_.empty()) {
      if (in_list_) {
        chat_is_there(value, {});
      } else if (depth_ == 0) {
        head_ = std::move(value);
      } else {
        place_in(head_, key_, std::move(value));
      }
      return true;
    }
    if (broken_.empty()) put(std::move(value));
    return true;
  }

  // A place for a value in what is open. The pointer lasts while nothing is put beside it.
  ForeignJson* put(ForeignJson value) {
    if (n_values_ > kMaxValues) {
      broken_ = fmt::format("it has more than {} values", kMaxValues);
      return nullptr;
    }
    ForeignJson& container = *open_.back();
    if (container.is_array()) {
      container.push_back(std::move(value));
      return &container.back();
    }
    return place_in(container, keys_.back(), std::move(value));
  }

  ForeignJson* place_in(ForeignJson& object, const std::string& name, ForeignJson value) {
    const auto [place, is_new] = object.get_ref<ForeignJson::object_t&>().emplace(name, std::move(value));
    if (!is_new) broken_ = fmt::format("the key \"{}\" appears twice", name.substr(0, 100));
    return &place->second;
  }

  bool open(ForeignJson container) {
    const bool is_outermost = depth_ == 0 && !in_list_;
    ++depth_;
    if (is_outermost) {
      head_ = std::move(container);
      return true;
    }
    if (depth_ > kMaxNesting) {
      problem_ = fmt::format("it is nested deeper than {} levels", kMaxNesting);
      return false;
    }
    ForeignJson* place = nullptr;
    ++n_values_;
    if (!open_.empty()) {
      if (open_.size() >= kMaxDepth) broken_ = fmt::format("it is nested deeper than {} levels", kMaxDepth);
      if (broken_.empty()) place = put(std::move(container));
    } else if (in_list_) {
      broken_.clear();
      n_values_ = 0;
      chat_ = std::move(container);
      place = &chat_;
    } else {
      place = place_in(head_, key_, std::move(container));
    }
    open_.push_back(place);
    keys_.emplace_back();
    return true;
  }

  bool close() {
    --depth_;
    if (open_.empty()) return true;  // the outermost object
    open_.pop_back();
    keys_.pop_back();
    if (open_.empty() && in_list_) {
      chat_is_there(chat_, std::exchange(broken_, {}));
      chat_ = nullptr;
    }
    return true;
  }

  void chat_is_there(const ForeignJson& json, std::string broken) {
    ++n_chats_;
    if (broken.empty() && !had_list_ && !in_list_) broken = broken_;
    Result<WholeChat> chat = broken.empty()
                                 ? parse_foreign_chat(json, left_out_)
                                 : Result<WholeChat>(fail(ErrorCategory::kInvalidArgument, "{}", broken));
    if (chat) {
      file_.chats.push_back(std::move(*chat));
      return;
    }
    if (++n_chats_left_out_ > kMaxNamedChats) return;
    std::string name = fmt::format("chat {}", n_chats_);
    if (json.is_object()) {
      const auto title = json.find("title");
      if (title != json.end() && title->is_string()) {
        name += fmt::format(" \"{}\"", title->get_ref<const std::string&>());
      }
    }
    file_.skipped.push_back({std::move(name), chat.error().message});
  }

  size_t depth_ = 0;
  bool in_list_ = false;
  bool had_list_ = false;
  size_t list_depth_ = 0;
  std::string key_;  // of the outermost object
  ForeignJson head_;
  ForeignJson chat_;
  std::vector<ForeignJson*> open_;  // null: of a chat that is broken
  std::vector<std::string> keys_;   // of each of them
  std::string broken_;              // why the chat that is read is left out
  size_t n_values_ = 0;
  size_t n_chats_ = 0;
  size_t n_chats_left_out_ = 0;
  LeftOut left_out_;
  ChatFile file_;
  std::string problem_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The number of an escape \uXXXX at this place; -1: there is none.
int escape_at(std::string_view json, size_t at) {
  if (json.size() - at < 6 || json[at] != '\\' || json[at + 1] != 'u') return -1;
  int code = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const int digit = hex_digit(json[i]);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

// Other programs cut texts in the middle of an emoji and write the half that is left, which is no character:
// it becomes U+FFFD. Returns how many there were.
size_t mend_half_characters(std::string& json) {
  size_t n_mended = 0;
  for (size_t at = json.find('\\'); at != std::string::npos; at = json.find('\\', at)) {
    const int code = escape_at(json, at);
    if (code < 0) {
      at += 2;
      if (at > json.size()) break;
      continue;
    }
    const bool leads = code >= 0xd800 && code < 0xdc00;
    const int next = leads && at + 6 <= json.size() ? escape_at(json, at + 6) : -1;
    const bool is_whole = leads && next >= 0xdc00 && next < 0xe000;
    if (!is_whole && code >= 0xd800 && code < 0xe000) {
      json.replace(at, 6, "\\ufffd");
      ++n_mended;
    }
    at += is_whole ? 12 : 6;
  }
  return n_mended;
}

Result<ChatFile> read_json(std::string bytes) {
  const size_t n_mended = mend_half_characters(bytes);
  ChatListReader reader;
  if (!ForeignJson::sax_parse(bytes, &reader)) {
    return fail(ErrorCategory::kInvalidArgument,
                "the file is not whole, or not JSON in UTF-8; nothing was imported: {}", reader.problem());
  }
  const ForeignJson& head = reader.head();
  if (reader.had_list() && head.is_object()) {
    const auto version = head.find("version");
    if (head.value("format", ForeignJson()) != kExportFormat || version == head.end()) {
      return fail(ErrorCategory::kInvalidArgument,
                  "the file has a list of chats, but does not say \"format\": \"{}\"; nothing was imported",
                  kExportFormat);
    }
    if (*version != kExportVersion) {
      return fail(
          ErrorCategory::kUnsupported,
          "the file is of a version that this program does not know (known is {}); nothing was imported",
          kExportVersion);
    }
  }
  ChatFile file = reader.take();
  if (n_mended > 0) {
    file.skipped.push_back(
        {fmt::format("halves of characters ({})", n_mended), "the other half is not in the file"});
  }
  return file;
}

// Also that it has no NUL, which no text has.
bool is_utf8_text(std::string_view bytes) {
  ForeignJson text = std::string(bytes);
  try {
    static_cast<void>(text.dump());
  } catch (const ForeignJson::exception&) {
    return false;
  }
  return bytes.find('\0') == std::string_view::npos;
}

Result<ChatFile> read_markdown(std::string_view bytes) {
  if (!is_utf8_text(bytes)) {
    return fail(ErrorCategory::kInvalidArgument, "the file is not text in UTF-8; nothing was imported");
  }
  LeftOut left_out;
  auto chat = parse_markdown_chat(bytes, left_out);
  if (!chat) return propagate(std::move(chat).error(), "the Markdown file is damaged; nothing was imported");
  ChatFile file;
  file.chats.push_back(std::move(*chat));
  left_out.report(file.skipped);
  return file;
}

std::string_view kind_of(std::string_view start) {
  if (start.empty()) return "it is empty";
  if (start.starts_with("PK\x03\x04")) return "it is a ZIP archive: unpack it and choose conversations.json";
  if (start.starts_with("<!DOCTYPE") || start.starts_with("<html"))
    return "it is a web page: choose conversations.json, which lies beside it";
  return "it is something else";
}

}  // namespace

Result<ChatFile> read_chat_file(std::string bytes) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (bytes.starts_with(kByteOrderMark)) bytes.erase(0, kByteOrderMark.size());
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  const std::string_view start = std::string_view(bytes).substr(std::min(first, bytes.size()));
  if (start.starts_with('[') || start.starts_with('{')) return read_json(std::move(bytes));
  if (start.starts_with(markdown::kMark)) return read_markdown(start);
  return fail(ErrorCategory::kInvalidArgument,
              "no chats were found: this takes files of this program (JSON, Markdown), conversations.json of "
              "ChatGPT, and Open WebUI's export of chats; {}",
              kind_of(start));
}

}  // namespace hearth::store
