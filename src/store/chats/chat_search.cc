// The part of ChatStore that is about search.
#include <algorithm>
#include <cctype>

#include "store/chats/chat_json.h"
#include "store/chats/chat_rows.h"
#include "store/chats/chat_store.h"

namespace hearth::store {
namespace {

constexpr size_t kMaxQueryBytes = 1000;
constexpr int kMaxWords = 64;     // of one query
constexpr int kMinBeginning = 3;  // letters of a word's beginning that is looked for

// Around hits in what FTS5 returns: code points that Unicode keeps out of texts.
constexpr std::string_view kHitBegins = "\xef\xb7\x90";  // U+FDD0
constexpr std::string_view kHitEnds = "\xef\xb7\x91";    // U+FDD1

// Letters (of any script) and digits at the end.
int n_last_letters(std::string_view word) {
  int n = 0;
  for (; !word.empty(); word.remove_suffix(1)) {
    const auto byte = static_cast<unsigned char>(word.back());
    if (byte < 0x80 && std::isalnum(byte) == 0) break;
    if ((byte & 0xc0) != 0x80) ++n;
  }
  return n;
}

// Every word in quotes: FTS5 then sees no operators, columns or brackets. The last one is a beginning, unless
// so short a one that it would be of half of all texts.
Result<std::string> expression_of(std::string_view column, std::string_view query, const std::string& owner) {
  if (query.size() > kMaxQueryBytes) {
    return fail(ErrorCategory::kInvalidArgument, "what is searched for may have {} bytes, this has {}",
                kMaxQueryBytes, query.size());
  }
  constexpr std::string_view kSeparators(" \t\r\n\"\0", 6);
  std::string expression;
  bool is_beginning = false;
  int n_words = 0;
  for (size_t at = 0;;) {
    at = query.find_first_not_of(kSeparators, at);
    if (at == std::string_view::npos) break;
    const size_t end = std::min(query.find_first_of(kSeparators, at), query.size());
    if (++n_words > kMaxWords) {
      return fail(ErrorCategory::kInvalidArgument, "what is searched for may have {} words", kMaxWords);
    }
    const std::string_view word = query.substr(at, end - at);
    expression.append("\"").append(word).append("\" ");
    is_beginning = n_last_letters(word) >= kMinBeginning;
    at = end;
  }
  if (expression.empty()) return expression;
  if (is_beginning) expression.back() = '*';
  return fmt::format("owner_word : \"{}\" AND {{{}}} : ({})", owner_word(owner), column, expression);
}

std::vector<SnippetPart> parts_of(std::string_view marked) {
  std::vector<SnippetPart> parts;
  for (bool hit = false; !marked.empty(); hit = !hit) {
    const std::string_view mark = hit ? kHitEnds : kHitBegins;
    const size_t end = std::min(marked.find(mark), marked.size());
    if (end > 0) parts.push_back({std::string(marked.substr(0, end)), hit});
    marked.remove_prefix(std::min(end + mark.size(), marked.size()));
  }
  return parts;
}

// CROSS JOIN keeps the order of tables: the index is walked from the latest row on until there are enough.
constexpr char kTitles[] =
    "SELECT chats.id, chats.title, '', '', chats.updated, snippet(chat_index, 0, ?, ?, '…', 24)"
    " FROM chat_index CROSS JOIN chats ON chats.seq = chat_index.rowid"
    " WHERE chat_index MATCH ? AND chats.owner = ? AND deleted = 0 ORDER BY chat_index.rowid DESC LIMIT ?";
constexpr char kMessages[] =
    "SELECT chats.id, chats.title, messages.id, role, messages.created,"
    " snippet(message_index, 0, ?, ?, '…', 24)"
    " FROM message_index CROSS JOIN messages ON messages.seq = message_index.rowid"
    " CROSS JOIN chats ON chats.id = messages.chat"
    " WHERE message_index MATCH ? AND chats.owner = ? AND deleted = 0 ORDER BY message_index.rowid DESC "
    "LIMIT ?";

}  // namespace

Result<std::vector<SearchHit>> ChatStore::search(const std::string& owner, const std::string& query,
                                                 int64_t limit) {
  if (limit < 1 || limit > 100) return fail(ErrorCategory::kInvalidArgument, "limit must be 1 to 100");
  std::vector<SearchHit> hits;
  const std::lock_guard lock(mutex_);
  for (const auto& [column, sql] : {std::pair("title", kTitles), std::pair("content", kMessages)}) {
    HEARTH_TRY(const std::string expression, expression_of(column, query, owner));
    if (expression.empty() || hits.size() == static_cast<size_t>(limit)) break;
    const int64_t wanted = limit - static_cast<int64_t>(hits.size());
    HEARTH_TRY(Statement rows,
               database_.query(sql, kHitBegins, kHitEnds, std::string_view(expression), owner, wanted));
    for (;;) {
      HEARTH_TRY(const bool more, rows.step());
      if (!more) break;
      hits.push_back({.chat = rows.text(0),
                      .chat_title = rows.text(1),
                      .message = rows.text(2),
                      .role = rows.text(3) == name_of(MessageRole::kAssistant) ? MessageRole::kAssistant
                                                                               : MessageRole::kUser,
                      .snippet = parts_of(rows.text(5)),
                      .created = rows.integer(4)});
    }
  }
  return hits;
}

}  // namespace hearth::store
