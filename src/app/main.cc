#include <fcntl.h>
#include <unistd.h>

#include "api/page/assets.h"
#include "app/command.h"

int main(int argc, char** argv) {
  // Whoever started us may have closed these; the next file opened must not take their place.
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
  if (fd > STDERR_FILENO) close(fd);

  hearth::app::Environment environment;
  environment.variables = hearth::app::process_environment();
  environment.in_is_terminal = isatty(STDIN_FILENO) != 0;
  environment.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  environment.err_is_terminal = isatty(STDERR_FILENO) != 0;
  environment.page = hearth::api::page::embedded_assets();
  return hearth::app::run_program(argc, argv, environment);
}
