// What a template can call.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/jinja/datum.h"

namespace hearth::text::go_template {

using jinja::Budget;
using jinja::Datum;
using jinja::give_up;
using jinja::Heap;
using jinja::Kind;
using jinja::MarkedText;
using jinja::TextBuilder;

// What functions need of the rendering they are called in.
struct Run {
  Budget& budget;
  Heap& heap;
  int64_t now_unix_seconds;
};

struct Function {
  std::string_view name;
  size_t min_arguments;
  size_t max_arguments;
  Datum (*call)(Run&, const std::vector<Datum>&);  // null for `and` and `or`, which evaluate as they go
  bool stops_at = false;                           // of those two: the truth of the argument that decides
};

// nullptr for an unknown name.
const Function* find_function(std::string_view name);

// Go's idea of truth: everything but false, 0, nil and what is empty; a record is always true.
bool truthy(const Datum& value);

}  // namespace hearth::text::go_template
