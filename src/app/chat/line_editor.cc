#include "app/chat/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace hearth::app {
namespace {

constexpr int kHistoryEntries = 1000;
constexpr size_t kMaxPaste = size_t{1} << 20;

// Terminals put these around pasted text once asked to.
constexpr std::string_view kAskForPasteMarks = "\x1b[?2004h";
constexpr std::string_view kNoMorePasteMarks = "\x1b[?2004l";
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";

// libedit decodes what is typed by the locale; without UTF-8 in it, everything but ASCII would be lost.
void use_utf8_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

void write_terminal(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

struct HistoryEnd {
  void operator()(History* history) const { history_end(history); }
};
struct EditLineEnd {
  void operator()(EditLine* edit) const { el_end(edit); }
};

}  // namespace

struct LineEditor::State {
  std::filesystem::path history_file;
  std::unique_ptr<History, HistoryEnd> history;
  std::unique_ptr<EditLine, EditLineEnd> edit;
  std::string prompt;

  static char* show_prompt(EditLine* edit) {
    State* state = nullptr;
    el_get(edit, EL_CLIENTDATA, &state);
    return state->prompt.data();
  }

  // A paste goes into the line as it is: its newlines do not send it.
  static unsigned char take_paste(EditLine* edit, int) {
    std::wstring text;
    wchar_t c = 0;
    while (text.size() < kMaxPaste && el_wgetc(edit, &c) == 1) {
      text += c == L'\r' ? L'\n' : c;
      if (text.ends_with(kPasteEnd)) {
        text.resize(text.size() - kPasteEnd.size());
        break;
      }
    }
    while (!text.empty() && text.back() == L'\n') text.pop_back();
    if (!text.empty() && el_winsertstr(edit, text.c_str()) != 0) return CC_ERROR;
    return CC_REFRESH;
  }

  // Written beside and renamed, so that a full disk costs no old line.
  void save_history() const {
    const std::string draft = history_file.string() + ".new";
    const int fd =
        open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) return;
    close(fd);
    HistEvent event;
    if (::history(history.get(), &event, H_SAVE, draft.c_str()) < 0 ||
        std::rename(draft.c_str(), history_file.c_str()) != 0) {
      unlink(draft.c_str());
    }
  }
};

LineEditor::LineEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}
LineEditor::~LineEditor() = default;

Result<std::unique_ptr<LineEditor>> LineEditor::create(std::filesystem::path history_file) {
  use_utf8_locale();
  auto state = std::make_unique<State>();
  state->history.reset(history_init());
  state->edit.reset(el_init("hearth", stdin, stdout, stderr));
  if (!state->history || !state->edit)
    return fail(ErrorCategory::kIo, "the terminal cannot be used for typing");

  state->history_file = std::move(history_file);
  std::error_code ignored;
  std::filesystem::create_directories(state->history_file.parent_path(), ignored);
  HistEvent event;
  history(state->history.get(), &event, H_SETSIZE, kHistoryEntries);
  history(state->history.get(), &event, H_SETUNIQUE, 1);
  history(state->history.get(), &event, H_LOAD, state->history_file.c_str());

  EditLine* edit = state->edit.get();
  el_set(edit, EL_CLIENTDATA, state.get());
  el_set(edit, EL_PROMPT, State::show_prompt);
  el_set(edit, EL_EDITOR, "emacs");
  el_set(edit, EL_SIGNAL, 0);
  el_set(edit, EL_HIST, history, state->history.get());
  el_set(edit, EL_ADDFN, "hearth-paste", "Insert pasted text", State::take_paste);
  el_set(edit, EL_BIND, "\\e[200~", "hearth-paste", nullptr);
  el_set(edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_set(edit, EL_BIND, "^W", "ed-delete-prev-word", nullptr);
  el_set(edit, EL_BIND, "\\e[H", "ed-move-to-beg", nullptr);
  el_set(edit, EL_BIND, "\\e[F", "ed-move-to-end", nullptr);
  el_set(edit, EL_BIND, "\\e[3~", "ed-delete-next-char", nullptr);
  el_set(edit, EL_BIND, "\\e[1;5C", "em-next-word", nullptr);
  el_set(edit, EL_BIND, "\\e[1;5D", "ed-prev-word", nullptr);
  return std::unique_ptr<LineEditor>(new LineEditor(std::move(state)));
}

LineEditor::Input LineEditor::read(const std::string& prompt) {
  state_->prompt = prompt;
  write_terminal(kAskForPasteMarks);
  int length = 0;
  errno = 0;
  const char* line = el_gets(state_->edit.get(), &length);
  const int problem = errno;
  write_terminal(kNoMorePasteMarks);
  if (line == nullptr || length <= 0) {
    write_terminal("\n");
    el_reset(state_->edit.get());
    return {problem == EINTR ? Outcome::kInterrupted : Outcome::kEnd, {}};
  }
  std::string text(line, static_cast<size_t>(length));
  if (text.ends_with('\n')) text.pop_back();
  return {Outcome::kLine, std::move(text)};
}

void LineEditor::remember(const std::string& text) {
  if (text.empty()) return;
  HistEvent event;
  history(state_->history.get(), &event, H_ENTER, text.c_str());
  state_->save_history();
}

}  // namespace hearth::app
