// One SQLite file. With search_tokenizer, the only code that knows SQLite.
//
//   HEARTH_CHECK_OK(database.run("INSERT INTO notes (id, words) VALUES (?, ?)", id, words));
//   HEARTH_TRY(Statement found, database.query("SELECT words FROM notes WHERE id = ?", id));
//   HEARTH_TRY(const bool exists, found.step());
//
// A Database is one connection, for one thread at a time; several may have the same file open, in one process
// or in several. Errors: kIo (the disk, permissions), kCorrupt (not a database, damaged), kOverloaded
// (another connection has not let go for 5 s), kUnsupported (a file of a newer version), kInternal.
//
// Tables for full-text search (FTS5) may name the tokenizer "hearth" (search_tokenizer.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hearth::store {

// A query under way. Must not outlive its database.
class Statement {
 public:
  // Goes to the next row; false: there is none.
  Result<bool> step();
  // Columns of the current row, from 0.
  int64_t integer(int column) const;
  std::optional<int64_t> optional_integer(int column) const;  // nullopt: NULL
  std::string text(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  int bind(int parameter, int64_t value);
  int bind(int parameter, std::string_view text);
  int bind(int parameter, std::optional<int64_t> value);  // nullopt is NULL

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

struct Migration {
  size_t from = 0;  // versions; 0: the component was new
  size_t to = 0;
  std::filesystem::path backup;  // the copy of the file as it was; empty: none was needed
};

class Database {
 public:
  // Creates the file where there is none, readable by its owner only; its folder must exist.
  static Result<Database> open(const std::filesystem::path& file);

  // Brings the tables of `component` up to date: runs those of `steps` (SQL, one or more statements each)
  // that have not been run on this file, in order. A step that has been released never changes.
  //
  // Where the component has tables already, the file is first copied to FILE.backup-COMPONENT-vN, with the
  // version N that it has, so that an older program can be used again. Where that fails nothing is changed.
  // The first step of a component only adds tables, so it needs no copy.
  Result<Migration> migrate(std::string_view component, std::span<const char* const> steps);

  // Parameters are whole numbers and texts, in the order of the question marks.
  template <typename... Parameters>
  Result<Statement> query(const char* sql, const Parameters&... parameters) {
    HEARTH_TRY(Statement statement, prepare(sql));
    int position = 0;
    int code = 0;
    ((code = code != 0 ? code : statement.bind(++position, parameters)), ...);
    if (code != 0) return failure(code);
    return statement;
  }
  template <typename... Parameters>
  Status run(const char* sql, const Parameters&... parameters) {
    HEARTH_TRY(Statement statement, query(sql, parameters...));
    HEARTH_CHECK_OK(statement.step());
    return {};
  }
  // Rows that the last INSERT, UPDATE or DELETE touched.
  int64_t n_changed() const;
  int64_t n_changed_in_all() const;  // since the connection was opened

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  Database(sqlite3* connection, std::filesystem::path file)
      : connection_(connection), file_(std::move(file)) {}
  Status back_up(const std::filesystem::path& copy) const;
  Result<Statement> prepare(const char* sql);
  Status execute(const char* sql);
  tl::unexpected<Error> failure(int code) const;

  std::unique_ptr<sqlite3, Close> connection_;
  std::filesystem::path file_;
};

// Changes that are made together or, unless commit() succeeds, not at all.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null: nothing is open
};

}  // namespace hearth::store
