#include "api/rerank.h"

#include <algorithm>
#include <numeric>

#include "api/vector_reply.h"
#include "base/random_id.h"

namespace hearth::api {
namespace {

constexpr size_t kMaxDocuments = 2048;

// Strings, or objects with a `text`.
Parsed<std::vector<std::string>> read_documents(const Json& body, const std::string& name) {
  const Json* list = find(body, name);
  if (list == nullptr || !list->is_array() || list->empty()) {
    return refuse(name, "must be a list with at least one document");
  }
  if (list->size() > kMaxDocuments) {
    return refuse(name, fmt::format("has {} documents, at most {} are allowed", list->size(), kMaxDocuments));
  }
  std::vector<std::string> documents;
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& item = (*list)[i];
    const Json* words = item.is_object() ? find(item, "text") : &item;
    if (words == nullptr || !words->is_string()) {
      return refuse(at(name, i), "must be a string or an object with a text");
    }
    documents.push_back(words->get<std::string>());
  }
  return documents;
}

Task<void> reply(serving::GenerationService& service, bool cohere, const HttpRequest& http,
                 ResponseWriter& writer) {
  Parsed<RerankRequest> request = parse_rerank_request(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  request->format.cohere = cohere;
  const std::vector<std::string> documents =
      request->format.return_documents ? request->work.documents : std::vector<std::string>();
  const std::optional<Collected> found =
      co_await collect_vectors(service, request->work, "documents", http, writer);
  if (!found) co_return;
  HttpResponse response;
  response.body = rerank_json(request->work.model, request->format, documents, found->vectors, found->usage);
  co_await writer.send(std::move(response));
}

}  // namespace

Parsed<RerankRequest> parse_rerank_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  RerankRequest request;
  HEARTH_API_TRY(request.work.model, read_string(body, "model", "model", kMaxNameBytes));
  HEARTH_API_TRY(request.work.query, read_string(body, "query", "query", kNoLimit));
  if (request.work.query.empty()) return refuse("query", "is missing or empty");
  RerankFormat& format = request.format;
  format.bare_list = find(body, "texts") != nullptr;
  HEARTH_API_TRY(request.work.documents, read_documents(body, format.bare_list ? "texts" : "documents"));
  HEARTH_API_TRY(format.return_documents,
                 read_bool(body, format.bare_list ? "return_text" : "return_documents", false));
  HEARTH_API_TRY(format.raw_scores, read_bool(body, "raw_scores", false));
  HEARTH_API_TRY(const auto top_n, read_integer(body, "top_n", 1, kMaxTokens));
  if (top_n) format.top_n = static_cast<size_t>(*top_n);
  return request;
}

std::string rerank_json(const std::string& model, const RerankFormat& format,
                        const std::vector<std::string>& documents,
                        const std::vector<std::vector<float>>& scores, const serving::Usage& usage) {
  const auto score = [&](size_t i) { return scores[i].at(format.raw_scores ? 0 : 1); };
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // By the raw score, which tells apart what saturates at 1.
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a][0] > scores[b][0]; });
  order.resize(std::min(order.size(), format.top_n));
  Json results = Json::array();
  for (const size_t i : order) {
    Json item = Json::object();
    item["index"] = i;
    item[format.bare_list ? "score" : "relevance_score"] = score(i);
    if (format.return_documents && format.bare_list) item["text"] = documents[i];
    if (format.return_documents && !format.bare_list) item["document"] = Json{{"text", documents[i]}};
    results.push_back(std::move(item));
  }
  if (format.bare_list) return dump(results);
  Json json = Json::object();
  if (format.cohere) json["id"] = random_id("rerank-");
  json["model"] = model;
  json["object"] = "list";
  json["usage"] = Json{{"prompt_tokens", usage.prompt_tokens}, {"total_tokens", usage.prompt_tokens}};
  json["results"] = std::move(results);
  if (format.cohere) {
    json["meta"] = Json{{"api_version", Json{{"version", "2"}}}, {"billed_units", Json{{"search_units", 1}}}};
  }
  return dump(json);
}

void add_rerank_routes(Router& router, serving::GenerationService& service) {
  router.set_dialect("rerank");
  const auto add = [&](const std::string& path, bool cohere) {
    router.add("POST", path, Scope::kChat,
               [&service, cohere](const HttpRequest& request, ResponseWriter& writer) {
                 return reply(service, cohere, request, writer);
               });
  };
  for (const char* path : {"/v1/rerank", "/rerank", "/v1/reranking", "/reranking"}) add(path, false);
  add("/v2/rerank", true);
}

}  // namespace hearth::api
