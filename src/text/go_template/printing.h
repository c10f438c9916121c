// Values as text: what fmt.Print and encoding/json of Go write, except that mappings print as JSON and keep
// their order.
#pragma once

#include "text/go_template/functions.h"

namespace hearth::text::go_template {

// What an action writes.
void print(Run& run, TextBuilder& out, const Datum& value);
void print_json(Run& run, TextBuilder& out, const Datum& value);

// The functions print, println and printf.
Datum print_all(Run& run, const std::vector<Datum>& values);
Datum print_line(Run& run, const std::vector<Datum>& values);
Datum print_format(Run& run, const std::vector<Datum>& values);

// "a string", "a list", "nil", … for messages.
std::string_view described(const Datum& value);

}  // namespace hearth::text::go_template
