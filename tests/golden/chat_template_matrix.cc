#include "golden/chat_template_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support.h"

namespace hearth::text::chat_matrix {

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

// Written by the server itself and therefore trusted.
bool is_servers_own(std::string_view key) {
  return key == "role" || key == "type" || key == "bos_token" || key == "eos_token" ||
         key == "reasoning_effort" || key == "date_string";
}

Value convert(const Json& json, Marks marks, std::string_view key) {
  if (json.is_string()) {
    auto text = json.get<std::string>();
    return marks == Marks::kOutside && !is_servers_own(key) ? Value::untrusted(text) : Value(text);
  }
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_array()) {
    ValueList items;
    for (const Json& item : json) items.push_back(convert(item, marks, key));
    return Value::list(std::move(items));
  }
  if (json.is_object()) {
    ValueMap items;
    for (const auto& [name, item] : json.items()) items.emplace_back(name, convert(item, marks, name));
    return Value::map(std::move(items));
  }
  return {};
}

void plant_inside(Json& json, std::string_view key, std::string_view sentinel) {
  if (json.is_string()) {
    bool text = key == "content" || key == "text" || key == "reasoning_content" || key == "description" ||
                key == "city" || key == "list" || key == "k";
    if (!text) return;
    auto value = json.get<std::string>();
    if (value.starts_with("{")) return;  // arguments and results that templates parse
    json = value.substr(0, value.size() / 2).append(sentinel).append(value.substr(value.size() / 2));
  } else if (json.is_array()) {
    for (Json& item : json) plant_inside(item, key, sentinel);
  } else if (json.is_object()) {
    Json changed = Json::object();
    for (auto& [name, item] : json.items()) {
      plant_inside(item, name, sentinel);
      bool property = key == "properties";  // also names of parameters
      changed[property ? name + std::string(sentinel) : name] = item;
    }
    json = std::move(changed);
  }
}

}  // namespace

Json read_json(std::string_view name) {
  return Json::parse(read_file(std::filesystem::path(HEARTH_TEST_DATA) / "../golden/chat_templates" / name));
}

Matrix load() {
  Matrix matrix;
  Json parts = read_json("contexts.json");
  matrix.now = parts["now"].get<int64_t>();
  for (const auto& [setting_name, setting] : parts["settings"].items()) {
    for (const auto& [chat_name, chat] : parts["conversations"].items()) {
      Json context = {{"messages", chat}};
      context.update(parts["tokens"]);
      context.update(setting);
      matrix.contexts.emplace_back(chat_name + "/" + setting_name, std::move(context));
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(testing_support::reference_set("templates"))) {
    if (entry.path().extension() == ".jinja") {
      matrix.templates.emplace_back(entry.path().stem().string(), read_file(entry.path()));
    }
  }
  std::sort(matrix.templates.begin(), matrix.templates.end());
  return matrix;
}

Value to_value(const Json& json, Marks marks) {
  return convert(json, marks, "");
}

Json plant(const Json& context, std::string_view sentinel) {
  Json planted = context;
  plant_inside(planted["messages"], "", sentinel);
  if (planted.contains("tools")) plant_inside(planted["tools"], "", sentinel);
  return planted;
}

bool inside(const std::vector<ByteRange>& ranges, size_t begin, size_t end) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const ByteRange& range) { return range.begin <= begin && end <= range.end; });
}

// FIPS 180-4; only for comparing with golden files.
std::string sha256_24(std::string_view bytes) {
  static const std::array<uint32_t, 64> kRound = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::string padded(bytes);
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) padded += static_cast<char>(bytes.size() * 8 >> shift);
  for (size_t block = 0; block < padded.size(); block += 64) {
    std::array<uint32_t, 64> w;
    for (size_t i = 0; i < 16; ++i) {
      auto byte = [&](size_t k) { return uint32_t{static_cast<unsigned char>(padded[block + i * 4 + k])}; };
      w[i] = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
    }
    for (size_t i = 16; i < 64; ++i) {
      uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
      uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (size_t i = 0; i < 64; ++i) {
      uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) +
                    kRound[i] + w[i];
      uint32_t t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    std::array<uint32_t, 8> round = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; ++i) state[i] += round[i];
  }
  return fmt::format("{:08x}{:08x}{:08x}", state[0], state[1], state[2]);
}

}  // namespace hearth::text::chat_matrix
