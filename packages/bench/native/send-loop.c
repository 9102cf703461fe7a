/*
 * send-loop: a WebSocket server that is only a loop of send(), as the physical limit of a fan-out.
 *
 *   send-loop <port>
 *
 * Answers every request with 101 for the one known key and subscribes it to the channels c<number> that its target
 * names after "channels=". What clients send is read and dropped. Commands on stdin, as the other servers have them:
 *
 *   publish <times> <channel> <text>    sends the text that many times, one send() each
 *   each <channels> <text>              sends the text once to each of c0, c1, …
 *
 * Needs Linux (epoll). No keepalive, no limits, no checks: not a server for anything else.
 */
#define _GNU_SOURCE
#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CHANNELS 1024
#define MAX_SUBSCRIBERS 20000
#define MAX_TEXT 8192
#define EVENTS 512
#define BACKLOG 16384

static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: " HANDSHAKE_ACCEPT "\r\n\r\n";

struct channel {
  int count, room;
  int *fds;
};

static struct channel channels[MAX_CHANNELS];
static unsigned char greeted[MAX_SUBSCRIBERS + 64];

static void subscribe(int fd, const char *request) {
  const char *at = strstr(request, "channels=");
  const char *end = strstr(request, " HTTP/1.1");
  while (at != NULL && end != NULL && (at = strchr(at, 'c')) != NULL && at < end) {
    char *after;
    long number = strtol(at + 1, &after, 10);
    if (after > at + 1 && number >= 0 && number < MAX_CHANNELS) {
      struct channel *c = &channels[number];
      if (c->count == c->room) {
        c->room = c->room == 0 ? 64 : c->room * 2;
        c->fds = realloc(c->fds, sizeof(int) * (size_t)c->room);
      }
      c->fds[c->count++] = fd;
    }
    at = after > at + 1 ? after : at + 1;
  }
}

static void forget(int fd) {
  for (int n = 0; n < MAX_CHANNELS; n++) {
    struct channel *c = &channels[n];
    for (int i = 0; i < c->count; i++) {
      if (c->fds[i] == fd) c->fds[i--] = c->fds[--c->count];
    }
  }
  greeted[fd] = 0;
  close(fd);
}

static void send_to(const struct channel *c, const unsigned char *frame, size_t size) {
  for (int i = 0; i < c->count; i++) (void)!send(c->fds[i], frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void obey(char *line) {
  unsigned char frame[MAX_TEXT + 16];
  int times, count, number, at = 0;
  if (sscanf(line, "publish %d c%d %n", &times, &number, &at) == 2 && number < MAX_CHANNELS) {
    size_t size = write_frame(frame, OP_TEXT, line + at, strlen(line + at), 0);
    for (int i = 0; i < times; i++) send_to(&channels[number], frame, size);
  } else if (sscanf(line, "each %d %n", &count, &at) == 1) {
    size_t size = write_frame(frame, OP_TEXT, line + at, strlen(line + at), 0);
    for (int i = 0; i < count && i < MAX_CHANNELS; i++) send_to(&channels[i], frame, size);
  }
  printf("{\"done\":true}\n");
  fflush(stdout);
}

static void accept_all(int epoll, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (fd >= MAX_SUBSCRIBERS) {
      close(fd);
      continue;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static void receive(int fd) {
  char buffer[4096];
  ssize_t n = recv(fd, buffer, sizeof buffer - 1, 0);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) forget(fd);
    return;
  }
  if (greeted[fd]) return;
  buffer[n] = 0;
  greeted[fd] = 1;
  subscribe(fd, buffer);
  (void)!send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
}

int main(int argc, char **argv) {
  static char input[MAX_TEXT * 2];
  size_t filled = 0;
  if (argc != 2) return 2;
  raise_descriptor_limit();
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, BACKLOG) != 0) return 1;
  int epoll = epoll_create1(0);
  struct epoll_event events[EVENTS];
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = 0;
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
  socklen_t length = sizeof address;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("{\"ready\":true,\"port\":%d,\"workers\":[%d]}\n", ntohs(address.sin_port), getpid());
  fflush(stdout);
  for (;;) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_all(epoll, listener);
      else if (fd != 0) receive(fd);
      else {
        ssize_t r = read(0, input + filled, sizeof input - 1 - filled);
        if (r <= 0) return 0;
        filled += (size_t)r;
        input[filled] = 0;
        char *line = input, *newline;
        while ((newline = strchr(line, '\n')) != NULL) {
          *newline = 0;
          obey(line);
          line = newline + 1;
        }
        filled -= (size_t)(line - input);
        memmove(input, line, filled);
      }
    }
  }
}
