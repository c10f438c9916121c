#include "store/search_tokenizer.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>

namespace hearth::store {
namespace {

using EmitToken = int (*)(void*, int, const char*, int, int, int);

struct Tokenizer {
  fts5_tokenizer words{};
  Fts5Tokenizer* instance = nullptr;

  ~Tokenizer() {
    if (instance != nullptr) words.xDelete(instance);
  }
};

struct CodePointRange {
  char32_t first, last;
};
// Sorted. Blocks of Unicode 15.
constexpr CodePointRange kWordsOfTheirOwn[] = {
    {0x0e00, 0x0eff},    // Thai, Lao
    {0x1000, 0x109f},    // Myanmar
    {0x1780, 0x17ff},    // Khmer
    {0x2190, 0x2bff},    // arrows, mathematics, technical and other symbols, dingbats
    {0x3005, 0x3007},    // marks that repeat a character, and zero
    {0x3040, 0x30ff},    // Hiragana, Katakana
    {0x31f0, 0x31ff},    // small Katakana
    {0x3400, 0x4dbf},    // Chinese characters, extension A
    {0x4e00, 0x9fff},    // Chinese characters
    {0xac00, 0xd7a3},    // Hangul: particles are written onto words
    {0xf900, 0xfaff},    // Chinese characters, compatibility
    {0xff66, 0xff9d},    // Katakana of half width
    {0x1f000, 0x1faff},  // emoji
    {0x20000, 0x3ffff},  // Chinese characters, further extensions
};

bool is_word_of_its_own(char32_t c) {
  if (c < kWordsOfTheirOwn[0].first) return false;
  const auto* range = std::upper_bound(std::begin(kWordsOfTheirOwn), std::end(kWordsOfTheirOwn), c,
                                       [](char32_t value, const auto& r) { return value < r.first; });
  return c <= std::prev(range)->last;
}

struct Character {
  char32_t code = 0;
  int n_bytes = 1;
};

// Bytes that are no UTF-8 are characters of one byte without a meaning.
Character character_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t lead = byte(0);
  const int n_bytes = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  if (n_bytes == 1 || text.size() - at < static_cast<size_t>(n_bytes)) return {};
  char32_t code = lead & (0x7fU >> n_bytes);
  for (int i = 1; i < n_bytes; ++i) {
    if ((byte(static_cast<size_t>(i)) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(static_cast<size_t>(i)) & 0x3f);
  }
  return {code, n_bytes};
}

// What a part of the text gives, at its place in the whole.
struct Shifted {
  void* context;
  EmitToken emit;
  int shift;

  static int forward(void* self, int flags, const char* token, int n, int start, int end) {
    const auto* shifted = static_cast<const Shifted*>(self);
    return shifted->emit(shifted->context, flags, token, n, start + shifted->shift, end + shifted->shift);
  }
};

int create(void* api, const char**, int, Fts5Tokenizer** made) {
  auto tokenizer = std::make_unique<Tokenizer>();
  auto* fts5 = static_cast<fts5_api*>(api);
  void* context = nullptr;
  int code = fts5->xFindTokenizer(fts5, "unicode61", &context, &tokenizer->words);
  if (code != SQLITE_OK) return code;
  const char* arguments[] = {"remove_diacritics", "2"};
  code = tokenizer->words.xCreate(context, arguments, 2, &tokenizer->instance);
  if (code == SQLITE_OK) *made = reinterpret_cast<Fts5Tokenizer*>(tokenizer.release());
  return code;
}

void destroy(Fts5Tokenizer* tokenizer) {
  delete reinterpret_cast<Tokenizer*>(tokenizer);
}

int tokenize(Fts5Tokenizer* self, void* context, int flags, const char* bytes, int n_bytes, EmitToken emit) {
  auto* tokenizer = reinterpret_cast<Tokenizer*>(self);
  const std::string_view text(bytes, bytes == nullptr ? 0 : static_cast<size_t>(n_bytes));
  size_t begin = 0;  // of what has not been cut yet
  const auto cut_words = [&](size_t end) {
    if (begin == end) return SQLITE_OK;
    Shifted shifted{context, emit, static_cast<int>(begin)};
    return tokenizer->words.xTokenize(tokenizer->instance, &shifted, flags, bytes + begin,
                                      static_cast<int>(end - begin), Shifted::forward);
  };
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const size_t next = at + static_cast<size_t>(character.n_bytes);
    if (is_word_of_its_own(character.code)) {
      int code = cut_words(at);
      if (code == SQLITE_OK) {
        code = emit(context, 0, bytes + at, character.n_bytes, static_cast<int>(at), static_cast<int>(next));
      }
      if (code != SQLITE_OK) return code;
      begin = next;
    }
    at = next;
  }
  return cut_words(text.size());
}

}  // namespace

Status register_search_tokenizer(sqlite3* connection) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection, "SELECT fts5(?)", -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  if (api == nullptr) {
    return fail(ErrorCategory::kUnsupported,
                "the SQLite library of this system has no full-text search (FTS5)");
  }
  fts5_tokenizer tokenizer{create, destroy, tokenize};
  const int code = api->xCreateTokenizer(api, "hearth", api, &tokenizer, nullptr);
  if (code != SQLITE_OK) return fail(ErrorCategory::kInternal, "the database: {}", sqlite3_errstr(code));
  return {};
}

}  // namespace hearth::store
