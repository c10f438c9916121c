// The title of a chat, made of its first question without asking a model.
#pragma once

#include <string>
#include <string_view>

namespace hearth::api::page {

// The first line that says something, without its Markdown, cut at a word to what a list has room for. Empty
// where the question has no words.
std::string title_of(std::string_view question);

}  // namespace hearth::api::page
