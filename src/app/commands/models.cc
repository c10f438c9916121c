// list, rm, cp: the models of the store.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/terminal_text.h"
#include "serving/stored_models.h"

namespace hearth::app {
namespace {

namespace fs = std::filesystem;
using api::Json;
using store::StoredModel;

// A model with what its file says of it.
struct Row {
  StoredModel model;
  std::string quantisation;  // empty where the file cannot be used
  uint64_t n_parameters = 0;
};

// Where a file cannot be used, that is the model's problem.
std::vector<Row> read_rows(const std::shared_ptr<store::ModelStore>& store) {
  const serving::StoredModels models(store, {});
  std::vector<Row> rows;
  for (StoredModel& model : store->list()) {
    Row& row = rows.emplace_back(Row{std::move(model), {}, 0});
    if (!row.model.problem.empty()) continue;
    if (const auto summary = models.summarise(row.model)) {
      row.quantisation = summary->quantisation;
      row.n_parameters = summary->n_parameters;
    } else {
      row.model.problem = summary.error().message;
      row.model.remedy.clear();  // that is for what the store knows of
    }
  }
  return rows;
}

// kIo where models of the own store cannot be seen: it must not pass for an empty one.
Status all_seen(const store::ModelStore& store) {
  for (const store::UnreadableFolder& folder : store.unreadable_folders()) {
    if (!folder.own) continue;
    return fail(ErrorCategory::kIo,
                "models may be missing here: {} cannot be read: {}; change its owner or rights, or set "
                "store_folder to another folder",
                folder.path.string(), folder.why);
  }
  return {};
}

std::string source_of(const StoredModel& model) {
  switch (model.kind) {
    case StoredModel::Kind::kOwn:
      return "store";
    case StoredModel::Kind::kImported:
      return "imported";
    case StoredModel::Kind::kBuiltIn:
      return "built in";
    case StoredModel::Kind::kFound:
      break;
  }
  return model.source.string();
}

std::string local_time(std::chrono::system_clock::time_point point) {
  const std::time_t time = std::chrono::system_clock::to_time_t(point);
  std::tm parts{};
  char text[32];
  if (localtime_r(&time, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts) == 0)
    return "?";
  return text;
}

int64_t unix_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Json row_json(const Row& row) {
  const StoredModel& model = row.model;
  Json files = Json::array();
  for (const fs::path& file : model.files) files.push_back(file.string());
  Json json = Json::object();
  json["name"] = model.name;
  json["digest"] = model.digest.empty() ? Json(nullptr) : Json(model.digest);
  json["size_bytes"] = model.bytes;
  json["parameters"] = row.n_parameters;
  json["quantisation"] = row.quantisation.empty() ? Json(nullptr) : Json(row.quantisation);
  json["modified"] = unix_seconds(model.modified);
  json["source"] = source_of(model);
  json["files"] = std::move(files);
  json["problem"] = model.problem.empty() ? Json(nullptr) : Json(model.problem);
  json["remedy"] = model.problem.empty() || model.remedy.empty() ? Json(nullptr) : Json(model.remedy);
  return json;
}

std::string table(const std::vector<Row>& rows) {
  size_t width = 4;
  for (const Row& row : rows) width = std::max(width, row.model.name.size());
  width = std::min<size_t>(width, 60);
  std::string text = fmt::format("{:<{}}  {:<12}  {:>8}  {:<8}  {:<16}  SOURCE\n", "NAME", width, "ID",
                                 "SIZE", "QUANT", "MODIFIED");
  for (const Row& row : rows) {
    const StoredModel& model = row.model;
    text += fmt::format("{:<{}}  {:<12}  {:>8}  {:<8}  {:<16}  {}\n", visible_line(model.name), width,
                        model.digest.empty() ? "-" : model.digest.substr(0, 12), human_bytes(model.bytes),
                        row.quantisation.empty() ? "-" : row.quantisation, local_time(model.modified),
                        visible_line(source_of(model)));
  }
  return text;
}

Status run_list(bool as_json, const Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  const auto store = open_store(settings);
  const Status seen = all_seen(*store);
  const std::vector<Row> rows = read_rows(store);
  if (as_json) {
    Json json = Json::array();
    for (const Row& row : rows) json.push_back(row_json(row));
    environment.print(api::dump(json) + "\n");
    return seen;
  }
  if (rows.empty() && seen) {
    environment.say(
        fmt::format("there are no models in {} or in any of the folders that are looked at; hearth "
                    "import PATH adds a file",
                    settings.store_folder.string()));
    return {};
  }
  environment.print(table(rows));
  for (const Row& row : rows) {
    if (row.model.problem.empty()) continue;
    environment.say(
        visible_line(fmt::format("\"{}\" cannot be used: {}{}{}", row.model.name, row.model.problem,
                                 row.model.remedy.empty() ? "" : "; ", row.model.remedy)));
  }
  return seen;
}

// What became of the files of a removed model.
std::string fate_of(const store::RemovedModel& removed, const fs::path& blobs) {
  const StoredModel& model = removed.model;
  const bool gone =
      !model.files.empty() && std::none_of(model.files.begin(), model.files.end(), [](const fs::path& file) {
        std::error_code error;
        return fs::exists(file, error);
      });
  if (removed.freed_bytes > 0) return human_bytes(removed.freed_bytes) + " are free again";
  if (gone) return "its files were gone already";
  if (model.kind == StoredModel::Kind::kImported) return "its files stay where they are";
  if (!model.manifest) {
    return fmt::format("what belonged to it in {} is not known, as its manifest could not be read, and stays",
                       blobs.string());
  }
  return "its files stay: other models need them, or something is just being added to the store";
}

// Removes what can be removed; then the errors of the others, of the first one's category.
Status run_rm(const std::vector<std::string>& names, const Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  const auto store = open_store(settings);
  std::vector<Error> errors;
  for (const std::string& name : names) {
    if (auto removed = store->remove(name)) {
      environment.print(visible_line(fmt::format("removed {}; {}", removed->model.name,
                                                 fate_of(*removed, store->blobs().folder()))) +
                        "\n");
    } else {
      errors.push_back(std::move(removed).error());
    }
  }
  if (errors.empty()) return {};
  std::vector<std::string> messages;
  for (const Error& error : errors) messages.push_back(error.message);
  return fail(errors.front().category, "{}", fmt::join(messages, "; "));
}

Status run_cp(const std::string& from, const std::string& to, const Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  HEARTH_TRY(const store::ModelName name, store::ModelName::parse(to));
  HEARTH_CHECK_OK(open_store(settings)->copy(from, name));
  environment.print(fmt::format("{} is {} as well\n", visible_line(from), name.text()));
  return {};
}

}  // namespace

void add_list(CLI::App& app, CommandLine& line) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("list", "List the models on this machine");
  command->alias("ls");
  command->add_flag("--json", *as_json, "Print JSON");
  command->callback([&line, as_json] {
    line.action = [as_json](Environment& environment) { return run_list(*as_json, environment); };
  });
}

void add_rm(CLI::App& app, CommandLine& line) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("rm", "Remove models from the store");
  command->footer("Of an imported model the files stay where they are.");
  command->add_option("NAME", *names, "Names, as hearth list shows them")->required();
  command->callback([&line, names] {
    line.action = [names](Environment& environment) { return run_rm(*names, environment); };
  });
}

void add_cp(CLI::App& app, CommandLine& line) {
  auto names = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* command = app.add_subcommand("cp", "Give a model of the store a second name; no file is copied");
  command->add_option("SOURCE", names->first, "The name it has")->required();
  command->add_option("NAME", names->second, "The name it is to have as well")->required();
  command->callback([&line, names] {
    line.action = [names](Environment& environment) {
      return run_cp(names->first, names->second, environment);
    };
  });
}

}  // namespace hearth::app
