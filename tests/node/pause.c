/* The program of the images: waits until it is told to end. Where it is called migrate, it ends at once. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal) {
  (void)signal;
  _exit(0);
}

/* As the first process of a Pod it is handed the orphans. */
static void reap(int signal) {
  (void)signal;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

int main(int count, char **arguments) {
  if (count > 0 && strstr(arguments[0], "migrate") != NULL) return 0;
  signal(SIGTERM, end);
  signal(SIGINT, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
