#include "store/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

void write_file(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

ModelName name(std::string_view text) {
  return ModelName::parse(text).value();
}

class ModelStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (fs::temp_directory_path() / "hearth-store-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    store_ = ModelStore(folder_ / "models");
    ASSERT_TRUE(store_.begin_writing());  // makes the folder
  }
  void TearDown() override { fs::remove_all(folder_); }

  // A model of the given weights; other layers are alike in all.
  Manifest manifest_of(std::string_view weights) const {
    Manifest manifest;
    manifest.config = store_.blobs().add(media_type::kConfig, R"({"model_family":"llama"})").value();
    manifest.layers = {
        store_.blobs().add(media_type::kModel, weights).value(),
        store_.blobs().add(media_type::kSystem, "Be kind.").value(),
        store_.blobs().add(media_type::kParameters, R"({"stop":["a","b"],"num_ctx":4096})").value(),
        store_.blobs().add(media_type::kMessages, R"([{"role":"user","content":"Hi"}])").value()};
    return manifest;
  }
  void publish(std::string_view text, std::string_view weights) {
    ASSERT_TRUE(store_.publish(name(text), manifest_of(weights)));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const StoredModel& model : store_.list()) names.push_back(model.name);
    return names;
  }
  size_t n_problems() const {
    const std::vector<StoredModel> models = store_.list();
    return static_cast<size_t>(std::count_if(
        models.begin(), models.end(), [](const StoredModel& model) { return !model.problem.empty(); }));
  }
  size_t n_blobs() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(store_.blobs().folder()), fs::directory_iterator()));
  }

  // As if everything in the store had been written so long ago.
  void let_pass(std::chrono::hours time) const {
    for (const auto& entry : fs::directory_iterator(store_.blobs().folder())) {
      fs::last_write_time(entry, entry.last_write_time() - time);
    }
  }

  fs::path folder_;
  ModelStore store_{fs::path()};
};

TEST(ModelNameTest, FillsInWhatIsLeftOut) {
  EXPECT_EQ(name("llama3.1:8b").path(), "registry.ollama.ai/library/llama3.1/8b");
  EXPECT_EQ(name("llama3.1:8b").text(), "llama3.1:8b");
  EXPECT_EQ(name("Qwen3").text(), "Qwen3:latest");
  EXPECT_EQ(name("me/x").text(), "me/x:latest");
  EXPECT_EQ(name("hf.co/a.b/c-GGUF:Q4_K_M").text(), "hf.co/a.b/c-GGUF:Q4_K_M");
  EXPECT_EQ(name("http://localhost:5000/me/x:y").path(), "localhost:5000/me/x/y");
  EXPECT_EQ(name("https://localhost:5000/me/x").text(), "localhost:5000/me/x:latest");
  EXPECT_EQ(name("LLAMA3.1:8B"), name("registry.ollama.ai/library/llama3.1:8b"));
}

TEST(ModelNameTest, RefusesWhatIsNoName) {
  for (const char* text : {"", ":x", "a:", "a/", "/a", "..", "../x", "a/../b:c", "a/b/../c", "x:..", "-rf",
                           ".x", "a b", "a.b/c", "a\\b", "a/b/c/d/e", "host//x", "x:y/", "caf\xc3\xa9"}) {
    EXPECT_FALSE(ModelName::parse(text)) << text;
  }
  EXPECT_FALSE(ModelName::parse(std::string(200, 'a')));
  EXPECT_FALSE(ModelName::parse(std::string(20'000, 'a')));
  EXPECT_FALSE(ModelName::parse(std::string_view("a\0b", 3)));
}

TEST(ModelNameTest, EveryFileCanBeNamed) {
  EXPECT_EQ(ModelName::for_file("Phi-3.Q4_K_M"), "Phi-3.Q4_K_M");
  EXPECT_EQ(ModelName::for_file("My Model (Q4_0)"), "My-Model-Q4_0");
  EXPECT_EQ(ModelName::for_file("..-a:b"), "a-b");
  EXPECT_THAT(ModelName::for_file("caf\xc3\xa9"), ::testing::MatchesRegex("caf-[0-9a-f]{8}"));
  EXPECT_THAT(ModelName::for_file("\xe6\xa8\xa1"), ::testing::MatchesRegex("model-[0-9a-f]{8}"));
  EXPECT_NE(ModelName::for_file("\xe6\xa8\xa1"), ModelName::for_file("\xe6\xa8\xa2"));
  EXPECT_NE(ModelName::for_file(std::string(100, 'a')), ModelName::for_file(std::string(101, 'a')));
  for (const std::string& stem :
       {std::string("..."), std::string("a\nb"), std::string(), std::string(300, 'a')}) {
    EXPECT_TRUE(ModelName::parse(ModelName::for_file(stem))) << stem;
  }
}

TEST(GgufFolderTest, NoticesWhatComesAndGoes) {
  std::string text = (fs::temp_directory_path() / "hearth-folder-XXXXXX").string();
  ASSERT_NE(mkdtemp(text.data()), nullptr);
  const fs::path root = text;
  const GgufFolder folder(root / "models");
  const auto names = [&] {
    std::vector<std::string> names;
    for (const FolderModel& model : folder.models()) names.push_back(model.name);
    std::sort(names.begin(), names.end());
    return names;
  };
  // As if the folders had been at rest for a while, so that what is remembered of them counts.
  const auto rest = [&] {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.is_directory()) fs::last_write_time(entry, entry.last_write_time() - std::chrono::hours(1));
    }
  };
  EXPECT_TRUE(names().empty());
  write_file(root / "models/a/b/one.gguf", "1");
  EXPECT_EQ(names(), std::vector<std::string>{"one"});
  rest();
  EXPECT_EQ(names(), std::vector<std::string>{"one"});
  EXPECT_EQ(names(), std::vector<std::string>{"one"});
  write_file(root / "models/a/b/two.gguf", "2");
  EXPECT_EQ(names(), (std::vector<std::string>{"one", "two"}));
  rest();
  EXPECT_EQ(names().size(), 2u);
  fs::remove(root / "models/a/b/one.gguf");
  EXPECT_EQ(names(), std::vector<std::string>{"two"});
  rest();
  EXPECT_EQ(names().size(), 1u);
  write_file(root / "models/a/c/three.gguf", "3");
  EXPECT_EQ(names(), (std::vector<std::string>{"three", "two"}));
  rest();
  EXPECT_EQ(names().size(), 2u);
  fs::remove_all(root / "models");
  EXPECT_TRUE(names().empty());
  fs::remove_all(root);
}

TEST(ManifestTest, ReadsWhatItWrites) {
  Manifest manifest;
  manifest.config = {std::string(media_type::kConfig), "sha256:" + std::string(64, 'a'), 12};
  manifest.layers = {{std::string(media_type::kModel), "sha256:" + std::string(64, 'b'), 100},
                     {std::string(media_type::kModel), "sha256:" + std::string(64, 'b'), 100}};
  const Result<Manifest> again = Manifest::parse(manifest.to_json());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->to_json(), manifest.to_json());
  EXPECT_EQ(again->size(), 112u);
  ASSERT_NE(again->find(media_type::kModel), nullptr);
  EXPECT_EQ(again->find(media_type::kSystem), nullptr);
}

TEST(ManifestTest, NamesWhatIsWrong) {
  const std::string layer = R"({"mediaType":"m","digest":"sha256:)" + std::string(64, '0') + R"(","size":1})";
  const auto error = [&](std::string config, std::string layers) {
    const auto manifest =
        Manifest::parse(R"({"schemaVersion":2,"config":)" + config + R"(,"layers":)" + layers + "}");
    return manifest ? std::string() : manifest.error().message;
  };
  EXPECT_EQ(error(layer, "[" + layer + "]"), "");
  EXPECT_THAT(error("1", "[" + layer + "]"), HasSubstr("config"));
  EXPECT_THAT(error(layer, "[]"), HasSubstr("layers"));
  EXPECT_THAT(error(layer, "[1]"), HasSubstr("layer 0"));
  EXPECT_THAT(error(layer, R"([{"mediaType":"m","digest":"sha256:../../etc/passwd","size":1}])"),
              HasSubstr("no digest"));
  std::string large = layer, negative = layer, upper = layer;
  large.replace(large.find(":1}"), 3, ":99999999999999999}");
  negative.replace(negative.find(":1}"), 3, ":-1}");
  upper.replace(upper.find("0000"), 4, "ABCD");
  EXPECT_THAT(error(layer, "[" + large + "]"), HasSubstr("size"));
  EXPECT_THAT(error(layer, "[" + negative + "]"), HasSubstr("size"));
  EXPECT_THAT(error(layer, "[" + upper + "]"), HasSubstr("digest"));
  for (const char* text : {"", "[]", "{", "null", R"({"schemaVersion":1})", R"({"schemaVersion":2})"}) {
    EXPECT_FALSE(Manifest::parse(text)) << text;
  }
}

TEST_F(ModelStoreTest, ShowsWhatWasPublished) {
  EXPECT_TRUE(store_.list().empty());
  publish("tiny:1b", "weights");
  ASSERT_EQ(names(), std::vector<std::string>{"tiny:1b"});

  const Result<StoredModel> model = store_.find("TINY:1B");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->kind, StoredModel::Kind::kOwn);
  ASSERT_EQ(model->files.size(), 1u);
  EXPECT_EQ(fs::file_size(model->files[0]), 7u);
  EXPECT_EQ(model->digest.size(), 64u);

  const Result<ModelOverrides> overrides = store_.overrides(*model);
  ASSERT_TRUE(overrides) << overrides.error().message;
  EXPECT_EQ(overrides->system, "Be kind.");
  EXPECT_FALSE(overrides->template_text);
  ASSERT_EQ(overrides->parameters.size(), 3u);
  EXPECT_EQ(overrides->parameters[0].name, "num_ctx");
  EXPECT_EQ(overrides->parameters[0].value, "4096");
  EXPECT_EQ(overrides->parameters[2].value, "b");
  ASSERT_EQ(overrides->messages.size(), 1u);
  EXPECT_EQ(overrides->messages[0].content, "Hi");

  EXPECT_EQ(store_.find("other").error().category, ErrorCategory::kNotFound);
}

TEST_F(ModelStoreTest, DoesNotPublishWhatIsIncomplete) {
  Manifest manifest = manifest_of("weights");
  fs::remove(store_.blobs().path_of(manifest.layers[1].digest));
  const Status status = store_.publish(name("x"), manifest);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("not complete"));
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(ModelStoreTest, NamesModelsWhoseFilesAreDamaged) {
  publish("x", "weights");
  const fs::path weights = store_.find("x")->files[0];
  const auto all = [](uint64_t, uint64_t) { return true; };
  EXPECT_TRUE(store_.verify(all)->empty());

  write_file(weights, "WEIGHTS");  // of the same length
  EXPECT_EQ(n_problems(), 0u);
  ASSERT_EQ(store_.verify(all)->size(), 1u);
  EXPECT_THAT(store_.verify(all)->front().what, HasSubstr("damaged"));

  write_file(weights, "short");
  EXPECT_THAT(store_.find("x").error().message,
              HasSubstr("has 5 bytes and should have 7; pull or create it"));
  fs::remove(weights);
  EXPECT_THAT(store_.find("x").error().message, HasSubstr("missing"));
  ASSERT_EQ(store_.list().size(), 1u);
  EXPECT_THAT(store_.list()[0].problem, HasSubstr("missing"));
  EXPECT_EQ(n_problems(), 1u);

  write_file(folder_ / "models/manifests/registry.ollama.ai/library/y/latest", "{");
  EXPECT_EQ(n_problems(), 2u);
  EXPECT_THAT(store_.find("y").error().message, HasSubstr("manifest"));
}

TEST_F(ModelStoreTest, RemovesBlobsThatNoOtherModelNeeds) {
  publish("a", "weights of a");
  publish("b", "weights of b");
  ASSERT_EQ(n_blobs(), 6u);
  EXPECT_EQ(store_.remove("A:latest")->freed_bytes, 12u);
  EXPECT_EQ(n_blobs(), 5u);
  EXPECT_TRUE(store_.find("b"));
  EXPECT_FALSE(fs::exists(folder_ / "models/manifests/registry.ollama.ai/library/a"));
  EXPECT_EQ(store_.remove("a").error().category, ErrorCategory::kNotFound);
  ASSERT_TRUE(store_.remove("b"));
  EXPECT_EQ(n_blobs(), 0u);
}

TEST_F(ModelStoreTest, CopiesShareTheirBlobs) {
  publish("a", "weights");
  ASSERT_TRUE(store_.copy("a", name("me/b:x")));
  EXPECT_EQ(names(), (std::vector<std::string>{"a:latest", "me/b:x"}));
  EXPECT_EQ(store_.find("a")->digest, store_.find("me/b:x")->digest);
  ASSERT_TRUE(store_.remove("a"));
  EXPECT_TRUE(store_.find("me/b:x"));
  EXPECT_FALSE(store_.copy("a", name("c")));
  EXPECT_FALSE(store_.copy("me/b:x", name("ME/B:X")));
}

TEST_F(ModelStoreTest, RemovesNoBlobWhileSomebodyAddsSome) {
  publish("a", "weights");
  {
    const Result<FileLock> writing = store_.begin_writing();
    ASSERT_TRUE(writing);
    const Manifest manifest = manifest_of("weights");
    EXPECT_EQ(store_.remove("a")->freed_bytes, 0u);
    EXPECT_EQ(store_.collect_garbage().value(), 0u);
    ASSERT_TRUE(store_.publish(name("b"), manifest));
  }
  EXPECT_EQ(store_.collect_garbage().value(), 0u);
  EXPECT_TRUE(store_.find("b"));
}

TEST_F(ModelStoreTest, CollectsWhatNobodyNeeds) {
  publish("a", "weights");
  ASSERT_TRUE(store_.blobs().add(media_type::kModel, "left behind"));
  const fs::path partial = store_.blobs().partial_path_of("sha256:" + std::string(64, 'c'));
  write_file(partial, "half");
  for (const char* state : {".lock", ".parts"}) write_file(fs::path(partial).concat(state), "");
  write_file(store_.blobs().partial_path_of("sha256:" + std::string(64, 'd')).concat(".lock"), "");
  EXPECT_EQ(store_.collect_garbage().value(), 0u)
      << "what was left behind may be an upload, whose model comes yet";
  EXPECT_EQ(n_blobs(), 9u) << "the lock of a download that ended is gone";
  EXPECT_EQ(store_.unfinished_downloads().count, 1u);
  let_pass(std::chrono::hours(25));
  EXPECT_EQ(store_.collect_garbage().value(), 11u);
  EXPECT_EQ(n_blobs(), 8u) << "with the download, which may go on";
  let_pass(std::chrono::hours(24 * 7));
  EXPECT_EQ(store_.collect_garbage().value(), 4u);
  EXPECT_EQ(n_blobs(), 5u);

  write_file(folder_ / "models/manifests/registry.ollama.ai/library/y/latest", "{");
  ASSERT_TRUE(store_.blobs().add(media_type::kModel, "left behind"));
  let_pass(std::chrono::hours(25));
  EXPECT_EQ(store_.collect_garbage().value(), 0u);  // "y" may need it
}

// A link that leads to itself cannot be read by anybody, root included.
TEST_F(ModelStoreTest, FoldersThatCannotBeReadAreNamedAndKeepTheirBlobs) {
  publish("me/a", "weights");
  EXPECT_TRUE(store_.unreadable_folders().empty());
  const fs::path space = folder_ / "models/manifests/registry.ollama.ai/me";
  fs::rename(space, folder_ / "me");
  fs::create_symlink("me", space);
  const auto unreadable = store_.unreadable_folders();
  ASSERT_EQ(unreadable.size(), 1u);
  EXPECT_EQ(unreadable[0].path, space);
  EXPECT_TRUE(unreadable[0].own);
  EXPECT_FALSE(unreadable[0].why.empty());
  const size_t n_before = n_blobs();
  let_pass(std::chrono::hours(25));
  EXPECT_EQ(store_.collect_garbage().value(), 0u);
  EXPECT_EQ(n_blobs(), n_before);
  EXPECT_EQ(store_.verify([](uint64_t, uint64_t) { return true; }).error().category, ErrorCategory::kIo);

  fs::remove(space);
  fs::create_symlink("imports", folder_ / "models/imports");
  ASSERT_EQ(store_.unreadable_folders().size(), 1u);
  EXPECT_EQ(store_.unreadable_folders()[0].path, folder_ / "models/imports");

  fs::create_symlink("loop", folder_ / "loop");
  const ModelStore reader(folder_ / "none", {{ModelSource::Kind::kFolder, folder_ / "loop"},
                                             {ModelSource::Kind::kFolder, folder_ / "not there"},
                                             {ModelSource::Kind::kOllamaStore, folder_ / "loop"}});
  ASSERT_EQ(reader.unreadable_folders().size(), 1u);
  EXPECT_EQ(reader.unreadable_folders()[0].path, folder_ / "loop");
  EXPECT_FALSE(reader.unreadable_folders()[0].own);
  write_file(folder_ / "file", "");
  EXPECT_TRUE(ModelStore(folder_ / "file").unreadable_folders().at(0).own);
}

TEST_F(ModelStoreTest, CollectsNothingInAFolderOfAnotherProgram) {
  fs::create_directories(folder_ / "ollama/blobs");
  ModelStore store(folder_ / "ollama");
  ASSERT_TRUE(store.blobs().add(media_type::kModel, "just being pulled"));
  std::swap(store_, store);
  let_pass(std::chrono::hours(25));
  std::swap(store_, store);
  EXPECT_EQ(store.collect_garbage().value(), 0u);
}

TEST_F(ModelStoreTest, ReadsOtherStoresAndFoldersInPlace) {
  ModelStore other(folder_ / "ollama");
  std::swap(store_, other);
  publish("theirs", "weights");
  std::swap(store_, other);
  write_file(folder_ / "lm/publisher/repo/Phi-3.Q4_K_M.gguf", "phi");
  write_file(folder_ / "lm/publisher/repo/mmproj-Phi.gguf", "eyes");
  write_file(folder_ / "lm/publisher/repo/My Model (1).gguf", "mine");
  write_file(folder_ / "lm/big/Big-00001-of-00002.gguf", "1");
  write_file(folder_ / "lm/big/Big-00002-of-00002.gguf", "22");
  write_file(folder_ / "lm/cut/Cut-00002-of-00002.gguf", "2");
  fs::create_directories(folder_ / "hub/models--u--r/snapshots/abc");
  write_file(folder_ / "hub/models--u--r/blobs/123", "blob");
  fs::create_symlink("../../blobs/123", folder_ / "hub/models--u--r/snapshots/abc/Gem.gguf");
  fs::create_directory_symlink("..", folder_ / "hub/loop");

  ModelStore store(folder_ / "models", {{ModelSource::Kind::kOllamaStore, folder_ / "ollama"},
                                        {ModelSource::Kind::kFolder, folder_ / "lm"},
                                        {ModelSource::Kind::kFolder, folder_ / "hub"},
                                        {ModelSource::Kind::kFolder, folder_ / "none"}});
  std::swap(store_, store);
  EXPECT_EQ(names(),
            (std::vector<std::string>{"Big", "Cut", "Gem", "My-Model-1", "Phi-3.Q4_K_M", "theirs:latest"}));
  EXPECT_EQ(store_.find("my-model-1")->bytes, 4u);
  EXPECT_EQ(store_.find("big")->files.size(), 2u);
  EXPECT_EQ(store_.find("big")->bytes, 3u);
  EXPECT_THAT(store_.find("cut").error().message, HasSubstr("Cut-00001-of-00002.gguf"));
  EXPECT_EQ(store_.find("Phi-3.Q4_K_M")->kind, StoredModel::Kind::kFound);
  EXPECT_EQ(store_.overrides(*store_.find("Theirs:LATEST"))->system, "Be kind.");

  EXPECT_THAT(store_.remove("theirs").error().message, HasSubstr("another program"));
  EXPECT_THAT(store_.remove("gem").error().message,
              HasSubstr("delete the file itself: " + store_.find("gem")->files[0].string()));
  EXPECT_THAT(store_.copy("theirs", name("mine")).error().message,
              HasSubstr("a Modelfile with FROM theirs:latest makes one like it"));
}

TEST_F(ModelStoreTest, FilesOfOneNameGetLongerNames) {
  const fs::path plain = folder_ / "plain", lm = folder_ / "lm", hub = folder_ / "hub/models--u--r.x";
  for (const char* place : {"o2/same.gguf", "o1/same.gguf", "same.GGUF", "o1/x/SAME.gguf", "o1-x/same.gguf"})
    write_file(plain / place, place);
  write_file(lm / "publisher/repo/model.gguf", "1");
  write_file(lm / "publisher/other/model.gguf", "22");
  write_file(hub / "blobs/1", "333");
  for (const char* commit : {"abc", "def"}) {
    fs::create_directories(hub / "snapshots" / commit);
    fs::create_symlink("../../blobs/1", hub / "snapshots" / commit / "model.gguf");
  }
  ModelStore store(folder_ / "models", {{ModelSource::Kind::kFolder, plain},
                                        {ModelSource::Kind::kFolder, lm},
                                        {ModelSource::Kind::kFolder, plain / "o1"},
                                        {ModelSource::Kind::kFolder, folder_ / "hub"}});
  std::swap(store_, store);
  std::vector<std::string> files;
  for (const StoredModel& model : store_.list()) {
    ASSERT_EQ(model.files.size(), 1u);
    files.push_back(model.name + " " + model.files[0].lexically_relative(folder_).string());
    const Result<StoredModel> found = store_.find(model.name);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->files, model.files);
    EXPECT_EQ(found->name, model.name);
  }
  using ::testing::MatchesRegex;
  EXPECT_THAT(files, ::testing::ElementsAre("model lm/publisher/other/model.gguf",
                                            MatchesRegex("o1-x-[0-9a-f]{8}/same plain/o1-x/same.gguf"),
                                            "o1-x/SAME plain/o1/x/SAME.gguf", "o2/same plain/o2/same.gguf",
                                            "plain/same plain/same.GGUF",
                                            "publisher-repo/model lm/publisher/repo/model.gguf",
                                            "same plain/o1/same.gguf",
                                            "u-r-x/model hub/models--u--r.x/snapshots/abc/model.gguf"));
}

TEST_F(ModelStoreTest, AModelWithAnAdapterIsRefused) {
  Manifest manifest = manifest_of("weights");
  manifest.layers.push_back(store_.blobs().add(media_type::kProjector, "eyes").value());
  ASSERT_TRUE(store_.publish(name("sees"), manifest));
  EXPECT_TRUE(store_.overrides(*store_.find("sees"))->has_projector);
  manifest.layers.push_back(store_.blobs().add(media_type::kAdapter, "lora").value());
  ASSERT_TRUE(store_.publish(name("tuned"), manifest));
  const Result<StoredModel> tuned = store_.find("tuned");
  ASSERT_FALSE(tuned);
  EXPECT_EQ(tuned.error().category, ErrorCategory::kUnsupported);
  EXPECT_THAT(tuned.error().message,
              HasSubstr("it has an adapter: adapters are not applied while a model runs; merge it into the "
                        "weights and give those to FROM"));
  EXPECT_EQ(n_problems(), 1u);
}

TEST_F(ModelStoreTest, RemovesModelsThatAreBroken) {
  publish("x", "weights");
  fs::remove(store_.find("x")->files[0]);
  EXPECT_THAT(store_.remove("x")->model.problem, HasSubstr("missing"));
  write_file(folder_ / "models/manifests/registry.ollama.ai/library/y/latest", "{");
  EXPECT_FALSE(store_.remove("y")->model.manifest);
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(ModelStoreTest, TheBuiltInModelIsThereAndStays) {
  const fs::path file = folder_ / "bin/hearth-helper.gguf";
  const auto open = [&] { return ModelStore(folder_ / "models", {{ModelSource::Kind::kBuiltIn, file}}); };
  EXPECT_TRUE(open().list().empty());  // has been left behind
  write_file(file, "helps");
  ModelStore store = open();
  ASSERT_EQ(store.list().size(), 1u);
  const auto found = store.find("Hearth-Helper");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, StoredModel::Kind::kBuiltIn);
  EXPECT_EQ(found->bytes, 5u);
  const Result<RemovedModel> removed = store.remove("hearth-helper");
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().message, HasSubstr("a part of Hearth"));
  EXPECT_TRUE(store.copy("hearth-helper", name("mine")));
  EXPECT_EQ(store.find("mine")->files.front(), file);
  std::swap(store_, store);
  publish("hearth-helper", "another");  // the owner's comes first
  EXPECT_EQ(store_.find("hearth-helper")->kind, StoredModel::Kind::kOwn);
  EXPECT_EQ(names(), (std::vector<std::string>{"hearth-helper:latest", "mine:latest"}));
}

TEST_F(ModelStoreTest, ImportsFilesWithoutCopyingThem) {
  const fs::path file = folder_ / "elsewhere/model.gguf";
  write_file(file, "weights");
  const Result<StoredModel> model = store_.import_file(name("mine"), file);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(store_.find("mine")->files, std::vector<fs::path>{file});
  ASSERT_TRUE(store_.copy("mine", name("again")));
  ASSERT_TRUE(store_.remove("mine"));
  EXPECT_TRUE(fs::exists(file));
  EXPECT_TRUE(store_.find("again"));

  write_file(file, "other weights");
  EXPECT_THAT(store_.find("again").error().message,
              HasSubstr("had 7 bytes then and has 13 now; import it again"));
  fs::remove(file);
  EXPECT_THAT(store_.find("again").error().message, HasSubstr("not there"));
  EXPECT_FALSE(store_.import_file(name("x"), file));
  EXPECT_FALSE(store_.import_file(name("x"), folder_));
  EXPECT_TRUE(store_.remove("again"));
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(ModelStoreTest, AnUnfinishedBlobIsNotSeen) {
  {
    Result<BlobWriter> writer = store_.blobs().begin();
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write(std::as_bytes(std::span("half"))));
    EXPECT_TRUE(store_.list().empty());
  }
  EXPECT_EQ(n_blobs(), 0u);
}

// Two processes publish and remove the same names; what is listed is always whole.
TEST_F(ModelStoreTest, ProcessesTakeTurns) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  const auto work = [&] {
    for (int round = 0; round < 20; ++round) {
      const Result<FileLock> writing = store_.begin_writing();
      if (!writing || !store_.publish(name("x"), manifest_of("weights"))) return false;
      (void)store_.remove("x");
    }
    return true;
  };
  if (child == 0) _exit(work() ? 0 : 1);
  EXPECT_TRUE(work());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(n_problems(), 0u);
  let_pass(std::chrono::hours(25));
  EXPECT_TRUE(store_.collect_garbage());
  EXPECT_EQ(n_blobs(), 0u);
}

}  // namespace
}  // namespace hearth::store
