// Cuts text into what full-text search knows as words: the tokenizer "hearth" of FTS5.
//
// Words are SQLite's unicode61: letters and digits, without case and accents. It alone would take a whole
// sentence of Chinese, Japanese or Thai as one word, and no emoji as any. So characters of scripts that do
// not put spaces between words are words of their own, and so are symbols; a search for several of them is a
// search for a phrase. Against an index of trigrams this finds words of one and two characters, which Chinese
// mostly has, and keeps accents apart from letters; against a second index of such texts, a query may mix
// scripts.
//
// What is a word decides what the index holds: a change here needs a migration that builds the indices again.
#pragma once

#include "base/result.h"

struct sqlite3;

namespace hearth::store {

// For one connection. kUnsupported where this SQLite was built without FTS5.
Status register_search_tokenizer(sqlite3* connection);

}  // namespace hearth::store
