#include "api/ollama/store_routes.h"

#include "api/ollama/fields.h"
#include "api/worker.h"

namespace hearth::api::ollama {
namespace {

struct Routes {
  std::shared_ptr<store::ModelStore> store;
  Worker worker;
};

using Change = Parsed<void> (*)(store::ModelStore& store, std::string_view body);

tl::unexpected<ApiError> refuse_store(const Error& error, std::string_view name) {
  if (error.category == ErrorCategory::kNotFound) {
    return tl::unexpected<ApiError>(from_error({error.category, fmt::format("model '{}' not found", name)}));
  }
  return tl::unexpected<ApiError>(from_error(error));
}

Parsed<std::string> read_name(const Json& body, std::string_view field) {
  HEARTH_API_TRY(std::string name, read_string(body, field, field, kMaxNameBytes));
  if (name.empty()) return refuse_with(fmt::format("{} is required", field));
  return name;
}

Parsed<void> remove(store::ModelStore& store, std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  HEARTH_API_TRY(const std::string name, read_model(body));
  if (name.empty()) return refuse_with("model is required");
  if (const auto freed = store.remove(name); !freed) return refuse_store(freed.error(), name);
  return {};
}

Parsed<void> copy(store::ModelStore& store, std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  HEARTH_API_TRY(const std::string source, read_name(body, "source"));
  HEARTH_API_TRY(const std::string destination, read_name(body, "destination"));
  const auto name = store::ModelName::parse(destination);
  if (!name) return tl::unexpected<ApiError>(from_error(name.error()));
  if (const Status copied = store.copy(source, *name); !copied) return refuse_store(copied.error(), source);
  return {};
}

Task<void> change(Routes& routes, Change what, const HttpRequest& request, ResponseWriter& writer) {
  const auto work = [&routes, &request, what] { return what(*routes.store, request.body); };
  const Parsed<void> done = co_await routes.worker.run(work);
  if (!done) {
    co_await writer.fail(done.error());
    co_return;
  }
  HttpResponse response;
  co_await writer.send(std::move(response));
}

}  // namespace

void add_store_routes(Router& router, std::shared_ptr<store::ModelStore> store) {
  const auto routes = std::make_shared<Routes>();
  router.set_dialect("ollama");
  routes->store = std::move(store);
  const auto add = [&](const char* method, const char* path, Change what) {
    router.add(method, path, Scope::kManage,
               [routes, what](const HttpRequest& request, ResponseWriter& writer) {
                 return change(*routes, what, request, writer);
               });
  };
  add("DELETE", "/api/delete", remove);
  add("POST", "/api/copy", copy);
}

}  // namespace hearth::api::ollama
