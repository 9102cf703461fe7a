/*
 * storm: opens WebSocket connections at an offered rate, whether or not the server keeps up, and says how long each
 * opening handshake took and why those that failed did.
 *
 *   storm <port> <count> <rate> <processes> <timeout ms> <target> <sids in|-> <sids out|->
 *
 * `sids in` has one session id a line, sent as &sid=; `sids out` collects the ids that the server announces in its
 * first frame. Prints {"ready":true}, waits for a line, storms, prints the figures, holds every connection until the
 * next line. A result is a status: HTTP's, or one of the reasons below. Needs Linux (epoll).
 */
#define _GNU_SOURCE
#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNFINISHED = 0, NOT_HTTP = 1, NO_SOCKET = 2, NO_CONNECT = 3, RESET = 4, ENDED = 5, REASONS = 6, OK = 101 };
static const char *const REASON[REASONS] = {"timeout", "not a handshake", "no socket", "connect", "reset", "closed"};

#define MAX_PROCESSES 16
#define SID_LENGTH 20
#define ANSWER_BYTES 511
#define EVENTS 512
/* Connects between two looks at the answers: more would make the answers look late. */
#define CONNECTS_AT_ONCE 64

struct result {
  float from_connect_ms; /* from connect() to the whole answer */
  float from_due_ms;     /* from when the connect was due */
  float done_ms;         /* from the start of the storm */
  int status;
  char sid[SID_LENGTH];
};

struct connection {
  int fd;
  int got;
  int sent;
  uint64_t began_ns;
  char answer[ANSWER_BYTES + 1];
};

/* Shared by all processes. */
struct shared {
  int ready;
  int finished;
  volatile int end;
  volatile uint64_t start_ns;
  double cpu_ms[MAX_PROCESSES];
};

struct storm {
  int port, count, processes;
  double rate;
  uint64_t timeout_ns;
  const char *target;
  const char *sids; /* SID_LENGTH characters each, or NULL */
  int harvest;
  struct result *results;
  struct shared *shared;
};

/* Connection `i` of process `p` is number i × processes + p of the storm: all processes keep the same pace. */
static uint64_t due_ns(const struct storm *s, int p, int i) {
  return s->shared->start_ns + (uint64_t)((double)((long)i * s->processes + p) / s->rate * 1e9);
}

static void finish(const struct storm *s, int p, int i, struct connection *c, int status) {
  uint64_t now = now_ns();
  struct result *r = &s->results[(long)i * s->processes + p];
  r->status = status;
  r->from_connect_ms = (float)((double)(now - c->began_ns) / 1e6);
  r->from_due_ms = (float)((double)(now - due_ns(s, p, i)) / 1e6);
  r->done_ms = (float)((double)(now - s->shared->start_ns) / 1e6);
  if (status != OK && c->fd >= 0) {
    close(c->fd);
    c->fd = -1;
  }
}

/* Returns 0 or the reason of the failure. */
static int begin(const struct storm *s, int epoll, int number, int index, struct connection *c) {
  c->began_ns = now_ns();
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) return NO_SOCKET;
  int one = 1;
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(number % SOURCE_ADDRESSES));
  bind(c->fd, (struct sockaddr *)&from, sizeof from);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return NO_CONNECT;
  struct epoll_event event = {.events = EPOLLOUT | EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u32 = (uint32_t)index};
  epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
  return 0;
}

/* The request fits into an empty socket buffer, so a short write is a failure. Returns 0 or the reason. */
static int send_request(const struct storm *s, int number, struct connection *c) {
  char target[512], request[1536];
  const char *sid = s->sids == NULL ? "" : s->sids + (long)number * SID_LENGTH;
  snprintf(target, sizeof target, "%s%s%.*s", s->target, s->sids == NULL ? "" : "&sid=", SID_LENGTH, sid);
  int length = handshake_request(request, sizeof request, target, s->port);
  c->sent = 1;
  return send(c->fd, request, (size_t)length, MSG_NOSIGNAL) == length ? 0 : RESET;
}

/* Returns the final status, or UNFINISHED. */
static int receive(const struct storm *s, struct connection *c, struct result *r) {
  for (;;) {
    ssize_t n = recv(c->fd, c->answer + c->got, (size_t)(ANSWER_BYTES - c->got), 0);
    if (n == 0) return ENDED;
    if (n < 0) return errno == EAGAIN ? UNFINISHED : RESET;
    c->got += (int)n;
    c->answer[c->got] = 0;
    int status = handshake_status(c->answer);
    if (status == OK && s->harvest) {
      /* Not strstr: a frame's header may have a zero byte. */
      const char *sid = memmem(c->answer, (size_t)c->got, "\"sid\":\"", 7);
      if (sid == NULL || c->answer + c->got - sid < 7 + SID_LENGTH) status = UNFINISHED;
      else memcpy(r->sid, sid + 7, SID_LENGTH);
    }
    if (status != UNFINISHED) return status;
    if (c->got == ANSWER_BYTES) return NOT_HTTP;
  }
}

static int milliseconds_until(uint64_t ns) {
  uint64_t now = now_ns();
  if (now >= ns) return 0;
  uint64_t ms = (ns - now) / 1000000;
  return ms > 20 ? 20 : (int)(ms < 1 ? 1 : ms);
}

static void run_process(const struct storm *s, int p) {
  raise_descriptor_limit();
  int mine = (s->count - p + s->processes - 1) / s->processes;
  struct connection *all = calloc((size_t)mine, sizeof *all);
  struct epoll_event events[EVENTS];
  int epoll = epoll_create1(0);
  __atomic_add_fetch(&s->shared->ready, 1, __ATOMIC_SEQ_CST);
  while (s->shared->start_ns == 0) {
    if (s->shared->end) _exit(0);
    usleep(200);
  }
  double cpu_before = own_cpu_ms();
  int next = 0, done = 0;
  while (done < mine) {
    for (int burst = 0; next < mine && burst < CONNECTS_AT_ONCE && due_ns(s, p, next) <= now_ns(); burst++, next++) {
      int failed = begin(s, epoll, next * s->processes + p, next, &all[next]);
      if (failed != 0) {
        finish(s, p, next, &all[next], failed);
        done++;
      }
    }
    int wait = next < mine ? milliseconds_until(due_ns(s, p, next)) : 20;
    int n = epoll_wait(epoll, events, EVENTS, wait);
    for (int e = 0; e < n; e++) {
      int i = (int)events[e].data.u32, number = i * s->processes + p;
      struct connection *c = &all[i];
      struct result *r = &s->results[number];
      if (r->status != UNFINISHED) continue;
      int status = UNFINISHED;
      if ((events[e].events & EPOLLOUT) && !c->sent) status = send_request(s, number, c);
      if (status == UNFINISHED && (events[e].events & ~(uint32_t)EPOLLOUT)) status = receive(s, c, r);
      if (status == UNFINISHED) continue;
      finish(s, p, i, c, status);
      done++;
    }
    if (now_ns() > s->shared->start_ns + s->timeout_ns) break;
  }
  s->shared->cpu_ms[p] = own_cpu_ms() - cpu_before;
  __atomic_add_fetch(&s->shared->finished, 1, __ATOMIC_SEQ_CST);
  while (!s->shared->end) usleep(2000);
  /* Resets instead of goodbyes: tens of thousands of TIME_WAIT sockets would be in the next storm's way. */
  struct linger at_once = {1, 0};
  for (int i = 0; i < next; i++) {
    if (all[i].fd < 0) continue;
    setsockopt(all[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(all[i].fd);
  }
  _exit(0);
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static float quantile(const float *sorted, int n, double q) {
  if (n == 0) return 0;
  int at = (int)((double)n * q);
  return sorted[at < n ? at : n - 1];
}

static void report(const struct storm *s) {
  float *connect = malloc(sizeof(float) * (size_t)s->count), *due = malloc(sizeof(float) * (size_t)s->count);
  int statuses[1000] = {0};
  int ok = 0;
  float last = 0;
  double cpu = 0;
  for (int i = 0; i < s->count; i++) {
    const struct result *r = &s->results[i];
    if (r->status == OK) {
      connect[ok] = r->from_connect_ms;
      due[ok] = r->from_due_ms;
      ok++;
      if (r->done_ms > last) last = r->done_ms;
    } else {
      statuses[r->status >= 0 && r->status < 1000 ? r->status : NOT_HTTP]++;
    }
  }
  for (int p = 0; p < s->processes; p++) cpu += s->shared->cpu_ms[p];
  qsort(connect, (size_t)ok, sizeof(float), by_size);
  qsort(due, (size_t)ok, sizeof(float), by_size);
  printf("{\"ok\":%d,\"elapsedMs\":%.2f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"dueP50\":%.3f,\"dueP99\":%.3f,"
         "\"cpuMs\":%.2f,\"failed\":{",
         ok, last, quantile(connect, ok, 0.5), quantile(connect, ok, 0.99), quantile(connect, ok, 1),
         quantile(due, ok, 0.5), quantile(due, ok, 0.99), cpu);
  const char *comma = "";
  for (int status = 0; status < 1000; status++) {
    if (statuses[status] == 0) continue;
    if (status < REASONS) printf("%s\"%s\":%d", comma, REASON[status], statuses[status]);
    else printf("%s\"HTTP %d\":%d", comma, status, statuses[status]);
    comma = ",";
  }
  printf("}}\n");
  fflush(stdout);
}

/* One id a line, exactly `count` of them. */
static char *read_sids(const char *path, int count) {
  FILE *file = fopen(path, "r");
  char *sids = malloc((size_t)count * SID_LENGTH + 1), line[64];
  if (file == NULL) return NULL;
  for (int i = 0; i < count; i++) {
    if (fgets(line, sizeof line, file) == NULL || strlen(line) < SID_LENGTH) return NULL;
    memcpy(sids + (long)i * SID_LENGTH, line, SID_LENGTH);
  }
  fclose(file);
  return sids;
}

static void write_sids(const char *path, const struct storm *s) {
  FILE *file = fopen(path, "w");
  if (file == NULL) return;
  for (int i = 0; i < s->count; i++) {
    if (s->results[i].status == OK) fprintf(file, "%.*s\n", SID_LENGTH, s->results[i].sid);
  }
  fclose(file);
}

static void *shared_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) exit(3);
  return memory;
}

int main(int argc, char **argv) {
  if (argc != 9) {
    fprintf(stderr, "usage: storm port count rate processes timeout-ms target sids-in|- sids-out|-\n");
    return 2;
  }
  struct storm s = {.port = atoi(argv[1]), .count = atoi(argv[2]), .processes = atoi(argv[4]), .rate = atof(argv[3]),
                    .timeout_ns = (uint64_t)atol(argv[5]) * 1000000ull, .target = argv[6],
                    .harvest = strcmp(argv[8], "-") != 0};
  if (s.count < 1 || s.rate <= 0 || s.processes < 1 || s.processes > MAX_PROCESSES) return 2;
  if (strcmp(argv[7], "-") != 0) {
    s.sids = read_sids(argv[7], s.count);
    if (s.sids == NULL) {
      fprintf(stderr, "storm: %s does not have %d session ids\n", argv[7], s.count);
      return 2;
    }
  }
  signal(SIGPIPE, SIG_IGN);
  s.results = shared_memory(sizeof(struct result) * (size_t)s.count);
  s.shared = shared_memory(sizeof(struct shared));
  for (int p = 0; p < s.processes; p++) {
    if (fork() == 0) run_process(&s, p);
  }
  while (s.shared->ready < s.processes) usleep(500);
  char line[16];
  printf("{\"ready\":true}\n");
  fflush(stdout);
  if (fgets(line, sizeof line, stdin) != NULL) {
    s.shared->start_ns = now_ns() + 5000000;
    while (s.shared->finished < s.processes) usleep(500);
    if (s.harvest) write_sids(argv[8], &s);
    report(&s);
    if (fgets(line, sizeof line, stdin) == NULL) line[0] = 0;
  }
  s.shared->end = 1;
  while (wait(NULL) > 0) {
  }
  return 0;
}
