#include "store/import_record.h"

#include <nlohmann/json.hpp>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Result<ImportRecord::File> state_of(const fs::path& path) {
  std::error_code error;
  ImportRecord::File file{path, fs::file_size(path, error), 0};
  if (error) return fail(ErrorCategory::kNotFound, "{}: {}", path.string(), error.message());
  const fs::file_time_type time = fs::last_write_time(path, error);
  if (error) return fail(ErrorCategory::kIo, "{}: {}", path.string(), error.message());
  file.modified_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  return file;
}

}  // namespace

Result<ImportRecord> ImportRecord::of(const std::vector<fs::path>& files) {
  ImportRecord record;
  for (const fs::path& path : files) {
    HEARTH_TRY(File file, state_of(path));
    record.files.push_back(std::move(file));
  }
  return record;
}

Result<ImportRecord> ImportRecord::parse(std::string_view text) {
  const auto corrupt = [] { return fail(ErrorCategory::kCorrupt, "the record of an import is damaged"); };
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("files") || !document["files"].is_array() ||
      document["files"].empty()) {
    return corrupt();
  }
  ImportRecord record;
  for (const json& object : document["files"]) {
    if (!object.is_object() || !object.contains("path") || !object["path"].is_string() ||
        !object.contains("bytes") || !object["bytes"].is_number_unsigned() ||
        !object.contains("modified_ns") || !object["modified_ns"].is_number_integer()) {
      return corrupt();
    }
    record.files.push_back({object["path"].get<std::string>(), object["bytes"].get<uint64_t>(),
                            object["modified_ns"].get<int64_t>()});
  }
  return record;
}

std::string ImportRecord::to_json() const {
  json document = {{"files", json::array()}};
  for (const File& file : files) {
    document["files"].push_back(
        {{"path", file.path.string()}, {"bytes", file.bytes}, {"modified_ns", file.modified_ns}});
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string ImportRecord::problem() const {
  for (const File& file : files) {
    const Result<File> now = state_of(file.path);
    if (!now) return fmt::format("the file is not there any more: {}", file.path.string());
    if (now->bytes != file.bytes) {
      return fmt::format("the file has changed since it was imported: {} had {} bytes then and has {} now",
                         file.path.string(), file.bytes, now->bytes);
    }
    if (now->modified_ns != file.modified_ns) {
      return fmt::format("the file has changed since it was imported: {} has been written again",
                         file.path.string());
    }
  }
  return {};
}

}  // namespace hearth::store
