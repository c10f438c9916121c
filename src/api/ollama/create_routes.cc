#include "api/ollama/create_routes.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include "api/ollama/create_request.h"
#include "api/ollama/progress_stream.h"
#include "api/request_head.h"
#include "api/worker.h"

namespace hearth::api::ollama {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kBlobs = "/api/blobs/";
constexpr std::chrono::milliseconds kReportEvery{60};  // of how far a copy is

struct Routes {
  const std::shared_ptr<store::ModelStore> models;
  const serving::ConvertWeights convert;
  Worker making;   // what takes long
  Worker uploads;  // pieces of blobs
};

// What Ollama's clients read: {"status", "digest", "total", "completed"}.
Json to_json(const serving::CreationStep& step) {
  Json json = Json{{"status", step.status}};
  if (!step.digest.empty()) json["digest"] = step.digest;
  if (step.total != 0) {
    json["total"] = step.total;
    json["completed"] = step.completed;
  }
  return json;
}

Task<void> create(const std::shared_ptr<Routes>& routes, const HttpRequest& http, ResponseWriter& writer) {
  auto request = parse_create_request(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  writer.notes().model = request->name.text();
  const bool stream = request->stream;
  const Job job = [models = routes->models, convert = routes->convert,
                   request = *std::move(request)](const Report& report) -> Status {
    auto reported = steady_clock::time_point::min();
    const auto made = serving::create_model(*models, request.name, request.source, request.modelfile, convert,
                                            [&](const serving::CreationStep& step) {
                                              const bool under_way =
                                                  step.total != 0 && step.completed != step.total;
                                              const auto now = steady_clock::now();
                                              if (under_way && now - kReportEvery < reported) return true;
                                              reported = now;
                                              return report(to_json(step));
                                            });
    if (!made) return propagate(made.error());
    return {};
  };
  co_await reply_with_progress(routes->making, job, stream, writer);
}

// ---- blobs

Parsed<std::string> digest_of(const HttpRequest& request) {
  std::string digest(path_rest(request, kBlobs));
  if (const Status checked = store::check_digest(digest); !checked) {
    return tl::unexpected<ApiError>(from_error(checked.error()));
  }
  return digest;
}

bool exists(const store::BlobStore& blobs, const std::string& digest) {
  std::error_code error;
  return std::filesystem::exists(blobs.path_of(digest), error);
}

ApiError disk_error(const Error& error) {
  ApiError reply = from_error(error);
  if (error.category == ErrorCategory::kIo) reply.status = 507;
  return reply;
}

class BlobSink : public BodySink {
 public:
  explicit BlobSink(std::shared_ptr<Routes> routes) : routes_(std::move(routes)) {}

  // Without this, what comes is thrown away: there is such a blob already.
  Status begin() {
    HEARTH_TRY(auto lock, routes_->models->begin_writing());
    lock_.emplace(std::move(lock));
    HEARTH_TRY(auto writer, routes_->models->blobs().begin());
    writer_.emplace(std::move(writer));
    return {};
  }

  Task<std::optional<ApiError>> write(std::string bytes) override {
    if (!writer_) co_return std::nullopt;
    const Status written = co_await routes_->uploads.run(
        [&] { return writer_->write(std::as_bytes(std::span(std::string_view(bytes)))); });
    if (written) co_return std::nullopt;
    co_return disk_error(written.error());
  }

  // The status of the reply.
  Task<Parsed<int>> finish(const std::string& digest) {
    if (!writer_) co_return 200;
    const auto made =
        co_await routes_->uploads.run([&] { return writer_->finish(store::media_type::kModel, digest); });
    if (made) co_return 201;
    co_return tl::unexpected<ApiError>(disk_error(made.error()));
  }

 private:
  std::shared_ptr<Routes> routes_;
  std::optional<store::FileLock> lock_;
  std::optional<store::BlobWriter> writer_;
};

Task<std::optional<ApiError>> open_blob(const std::shared_ptr<Routes>& routes, const HttpRequest& request,
                                        std::shared_ptr<BodySink>& sink) {
  const auto digest = digest_of(request);
  if (!digest) co_return digest.error();
  const auto opened = std::make_shared<BlobSink>(routes);
  const store::BlobStore& blobs = routes->models->blobs();
  if (!exists(blobs, *digest)) {
    const Status begun = co_await routes->uploads.run([&] { return opened->begin(); });
    if (!begun) co_return disk_error(begun.error());
    std::error_code error;
    const auto space = std::filesystem::space(blobs.folder(), error);
    if (const uint64_t needed = declared_length(request); !error && needed > space.available) {
      co_return http_error(507, fmt::format("the blob has {} bytes, the disk of {} has {} left", needed,
                                            blobs.folder().string(), space.available));
    }
  }
  sink = opened;
  co_return std::nullopt;
}

Task<void> finish_blob(const HttpRequest& request, ResponseWriter& writer) {
  auto& sink = dynamic_cast<BlobSink&>(*request.sink);
  const Parsed<int> status = co_await sink.finish(std::string(path_rest(request, kBlobs)));
  if (!status) {
    co_await writer.fail(status.error());
    co_return;
  }
  HttpResponse response;
  response.status = *status;
  co_await writer.send(std::move(response));
}

Task<void> find_blob(const std::shared_ptr<Routes>& routes, const HttpRequest& request,
                     ResponseWriter& writer) {
  const auto digest = digest_of(request);
  if (!digest) {
    co_await writer.fail(digest.error());
  } else if (!exists(routes->models->blobs(), *digest)) {
    co_await writer.fail(http_error(404, fmt::format("there is no blob {}", *digest)));
  } else {
    HttpResponse response;
    co_await writer.send(std::move(response));
  }
}

}  // namespace

void add_create_routes(Router& router, std::shared_ptr<store::ModelStore> models,
                       serving::ConvertWeights convert) {
  const auto routes = std::shared_ptr<Routes>(new Routes{std::move(models), std::move(convert), {}, {}});
  router.set_dialect("ollama");
  router.add("POST", "/api/create", Scope::kManage,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return create(routes, request, writer);
             });
  router.add("GET", "/api/blobs/*", Scope::kManage,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return find_blob(routes, request, writer);
             });
  router.add_upload(
      "POST", "/api/blobs/*", Scope::kManage,
      [routes](const HttpRequest& request, std::shared_ptr<BodySink>& sink) {
        return open_blob(routes, request, sink);
      },
      finish_blob);
}

}  // namespace hearth::api::ollama
