// The part of the examination that looks at models on disk: the own store, and other places.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "app/doctor/examination.h"
#include "app/model_argument.h"
#include "app/terminal_text.h"
#include "serving/stored_models.h"
#include "store/model_store.h"

namespace hearth::app {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;
using store::StoredModel;

constexpr const char* kStore = "store";
constexpr const char* kOthers = "other models";

bool is_own(const StoredModel& model) {
  return model.kind == StoredModel::Kind::kOwn || model.kind == StoredModel::Kind::kImported;
}

std::string remedy_for(const StoredModel& model) {
  if (!model.problem.empty() && !model.remedy.empty()) return model.remedy;
  switch (model.kind) {
    case StoredModel::Kind::kOwn:
      return "pull or create it again, or remove it with hearth rm";
    case StoredModel::Kind::kImported:
      return "import the file again, or remove the name with hearth rm; the file stays where it is";
    case StoredModel::Kind::kBuiltIn:
      return "install Hearth again";
    case StoredModel::Kind::kFound:
      break;
  }
  return "fetch it again with the program it came with, or remove it there";
}

Finding unusable(const StoredModel& model, const Error& error) {
  const std::string place = is_own(model) ? "" : " in " + model.source.string();
  std::string text = fmt::format("the model \"{}\"{}: {}", model.name, place, error.message);
  const char* subject = is_own(model) ? kStore : kOthers;
  if (error.category == ErrorCategory::kUnsupported) {
    return {State::kNote, subject, std::move(text),
            model.problem.empty()
                ? "nothing is damaged, but this version cannot run it: take another file of the model"
                : model.remedy};
  }
  return {State::kBroken, subject, std::move(text), remedy_for(model)};
}

// With what the head of a model's file says.
Status usable(const serving::StoredModels& models, const StoredModel& model) {
  if (!model.problem.empty()) return fail(model.problem_category, "{}", model.problem);
  if (const auto summary = models.summarise(model); !summary) return propagate(Error(summary.error()));
  return {};
}

// How many can be used.
struct Counts {
  size_t own = 0, elsewhere = 0, built_in = 0;
};

std::string n_models(size_t n) {
  return n == 1 ? "1 model" : fmt::format("{} models", n);
}

std::vector<Finding> examine_folders(const std::vector<fs::path>& folders) {
  std::vector<Finding> findings;
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::file_status status = fs::status(folder, error);
    const bool missing = status.type() == fs::file_type::not_found;
    if (!missing && (!fs::exists(status) || fs::is_directory(status))) continue;
    findings.push_back({State::kNote, kOthers,
                        fmt::format("model_folders names {}, which {}", folder.string(),
                                    missing ? "is not there" : "is no folder"),
                        "correct the path, mount or make the folder, or take it out of model_folders; a "
                        "single file is added with hearth import"});
  }
  return findings;
}

}  // namespace

std::vector<Finding> examine_store(const Settings& settings) {
  const std::shared_ptr<store::ModelStore> store = open_store(settings);
  std::vector<Finding> own, others = examine_folders(settings.model_folders);
  const std::vector<store::UnreadableFolder> unreadable = store->unreadable_folders();
  for (const store::UnreadableFolder& folder : unreadable) {
    std::string text = fmt::format("{} cannot be read: {}", folder.path.string(), folder.why);
    if (folder.own) {
      own.push_back({State::kBroken, kStore, text + "; the models in it are missing everywhere",
                     "change its owner or rights, or set store_folder to another folder"});
    } else {
      others.push_back({State::kNote, kOthers, std::move(text),
                        "give this user the right to read it, or leave it out (settings model_folders and "
                        "foreign_models)"});
    }
  }
  Counts counts;
  const serving::StoredModels models(store, {});
  for (const StoredModel& model : store->list()) {
    if (const Status status = usable(models, model); !status) {
      (is_own(model) ? own : others).push_back(unusable(model, status.error()));
      continue;
    }
    size_t& count = is_own(model)                               ? counts.own
                    : model.kind == StoredModel::Kind::kBuiltIn ? counts.built_in
                                                                : counts.elsewhere;
    ++count;
  }
  std::vector<Finding> findings;
  if (std::ranges::none_of(unreadable, &store::UnreadableFolder::own)) {
    findings.push_back({State::kGood, kStore,
                        fmt::format("{}: {} can be used{}", store->root().string(), n_models(counts.own),
                                    own.empty() ? ", nothing is wrong" : "")});
  }
  for (Finding& finding : own) findings.push_back(std::move(finding));
  if (const auto left = store->unfinished_downloads(); left.count > 0) {
    const std::string folder = store->blobs().folder().string();
    findings.push_back({State::kNote, "downloads",
                        fmt::format("{} in {} are of {}", human_bytes(left.bytes), folder,
                                    left.count == 1 ? "an unfinished download"
                                                    : fmt::format("{} unfinished downloads", left.count)),
                        "hearth pull NAME goes on where it was stopped; to be rid of them, remove the files "
                        "sha256-*-partial* there while no pull runs"});
  }
  if (counts.elsewhere + counts.built_in > 0) {
    findings.push_back({State::kGood, kOthers,
                        fmt::format("{} in folders of other programs and model_folders, {} built in",
                                    n_models(counts.elsewhere), counts.built_in)});
  }
  for (Finding& finding : others) findings.push_back(std::move(finding));
  return findings;
}

std::vector<Finding> examine_contents(const Settings& settings,
                                      const std::function<bool(uint64_t, uint64_t)>& on_progress) {
  uint64_t bytes = 0;
  const auto problems = open_store(settings)->verify([&](uint64_t done, uint64_t total) {
    bytes = done;
    return on_progress(done, total);
  });
  if (!problems && problems.error().category == ErrorCategory::kCancelled)
    return {{State::kNote, "contents", problems.error().message, "run it again to the end"}};
  if (!problems) {
    return {{State::kBroken, "contents", problems.error().message,
             "change its owner or rights, then run it again"}};
  }
  std::vector<Finding> findings;
  for (const store::StoreProblem& problem : *problems) {
    findings.push_back({State::kBroken, "contents", problem.what, problem.remedy});
  }
  if (!findings.empty()) return findings;
  return {{State::kGood, "contents",
           fmt::format("{} of the store are what their digests say", human_bytes(bytes))}};
}

}  // namespace hearth::app
