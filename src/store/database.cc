#include "store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/search_tokenizer.h"

namespace hearth::store {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

// WAL lets readers and a writer work at once, and a commit costs no flush of the disk: after a power cut the
// last moments may be missing, the file is whole. What is deleted is overwritten, for it may be private.
constexpr const char* kPragmas =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA secure_delete = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;";

ErrorCategory category_of(int code) {
  switch (code & 0xff) {  // the rest tells cases of one code apart
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCategory::kOverloaded;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCategory::kCorrupt;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_NOLFS:
    case SQLITE_AUTH:
      return ErrorCategory::kIo;
    case SQLITE_TOOBIG:
      return ErrorCategory::kInvalidArgument;
    default:
      return ErrorCategory::kInternal;
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

int Statement::bind(int parameter, int64_t value) {
  return sqlite3_bind_int64(statement_.get(), parameter, value);
}

int Statement::bind(int parameter, std::string_view text) {
  const char* bytes = text.empty() ? "" : text.data();  // null would be NULL
  return sqlite3_bind_text64(statement_.get(), parameter, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

int Statement::bind(int parameter, std::optional<int64_t> value) {
  return value ? bind(parameter, *value) : sqlite3_bind_null(statement_.get(), parameter);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(category_of(code), "the database: {}", sqlite3_errmsg(sqlite3_db_handle(statement_.get())));
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<int64_t> Statement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Database::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

Result<Database> Database::open(const std::filesystem::path& file) {
  // SQLite would create it readable by everybody; its companion files take after it.
  const int created = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (created < 0) return fail(ErrorCategory::kIo, "cannot open {}: {}", file.string(), std::strerror(errno));
  ::close(created);

  sqlite3* connection = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(connection, file);  // there to be closed even where opening failed
  if (code != SQLITE_OK) return propagate(database.failure(code).value(), file.string());
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (auto ready = database.execute(kPragmas); !ready) {
    return propagate(std::move(ready).error(), file.string());
  }
  HEARTH_CHECK_OK(register_search_tokenizer(connection));
  return database;
}

Result<Migration> Database::migrate(std::string_view component, std::span<const char* const> steps) {
  HEARTH_TRY(Transaction transaction, Transaction::begin(*this));
  HEARTH_CHECK_OK(
      run("CREATE TABLE IF NOT EXISTS schema_versions"
          " (component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"));
  size_t version = 0;
  {
    HEARTH_TRY(Statement known, query("SELECT version FROM schema_versions WHERE component = ?", component));
    HEARTH_TRY(const bool found, known.step());
    if (found) version = static_cast<size_t>(known.integer(0));
  }
  if (version > steps.size()) {
    return fail(ErrorCategory::kUnsupported,
                "the database was written by a newer version of this program ({}: version {}, known are {})",
                component, version, steps.size());
  }
  Migration migration{.from = version, .to = steps.size(), .backup = {}};
  if (version == steps.size()) return migration;
  if (version > 0) {
    migration.backup = file_;
    migration.backup += fmt::format(".backup-{}-v{}", component, version);
    if (auto copied = back_up(migration.backup); !copied) {
      return propagate(
          std::move(copied).error(),
          "the tables must be changed for this version of the program, and the copy that is made "
          "first failed; nothing was changed");
    }
  }
  for (; version < steps.size(); ++version) HEARTH_CHECK_OK(execute(steps[version]));
  HEARTH_CHECK_OK(run("INSERT OR REPLACE INTO schema_versions (component, version) VALUES (?, ?)", component,
                      static_cast<int64_t>(version)));
  HEARTH_CHECK_OK(transaction.commit());
  return migration;
}

// By a connection of its own: SQLite does not copy what the same connection is about to change. That one
// holds the right to write meanwhile, so the copy is what it found.
Status Database::back_up(const std::filesystem::path& copy) const {
  std::error_code error;
  if (std::filesystem::exists(copy, error)) return {};
  HEARTH_TRY(const Database source, open(file_));
  std::filesystem::path unfinished = copy;
  unfinished += ".part";
  std::filesystem::remove(unfinished, error);
  {
    HEARTH_TRY(const Database target, open(unfinished));
    sqlite3_backup* backup =
        sqlite3_backup_init(target.connection_.get(), "main", source.connection_.get(), "main");
    if (backup == nullptr) return target.failure(sqlite3_errcode(target.connection_.get()));
    const int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) {
      const auto failed = fail(category_of(code), "{}: {}", copy.string(), sqlite3_errstr(code));
      std::filesystem::remove(unfinished, error);
      return failed;
    }
  }  // closing it writes everything into the one file
  std::filesystem::rename(unfinished, copy, error);
  if (error) return fail(ErrorCategory::kIo, "{}: {}", copy.string(), error.message());
  return {};
}

int64_t Database::n_changed() const {
  return sqlite3_changes64(connection_.get());
}

int64_t Database::n_changed_in_all() const {
  return sqlite3_total_changes64(connection_.get());
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(connection_.get(), sql, -1, &statement, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return Statement(statement);
}

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

tl::unexpected<Error> Database::failure(int code) const {
  return fail(category_of(code), "the database: {}",
              connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code));
}

Result<Transaction> Transaction::begin(Database& database) {
  HEARTH_CHECK_OK(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // Where SQLite has rolled back by itself there is nothing left to do, and it says so.
  if (database_ != nullptr) static_cast<void>(database_->execute("ROLLBACK"));
}

Status Transaction::commit() {
  HEARTH_CHECK_OK(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace hearth::store
