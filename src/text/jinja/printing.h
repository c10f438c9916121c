// Values as text, the way Python shows them: str(), repr(), and both kinds of format strings.
#pragma once

#include <string>

#include "text/jinja/datum.h"

namespace hearth::text::jinja {

void print(Interpreter& interpreter, TextBuilder& out, const Datum& value);
void print_repr(Interpreter& interpreter, TextBuilder& out, const Datum& value);
std::string float_repr(double value);

// "…%s…" % value, and "…{}…".format(arguments).
Datum percent_format(Interpreter& interpreter, const Datum& format, const Datum& value);
Datum brace_format(Interpreter& interpreter, const Datum& format, const Arguments& arguments);

// json.dumps and json.loads.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::string indent;  // of one level; used when `pretty`
  bool pretty = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool untrusted_layout = false;  // indent or separators came from outside
};
Datum to_json(Interpreter& interpreter, const Datum& value, const JsonStyle& style);
Datum from_json(Interpreter& interpreter, const Datum& text);

}  // namespace hearth::text::jinja
