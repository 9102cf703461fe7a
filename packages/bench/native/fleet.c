/*
 * fleet: holds many subscribers in one process and says what they received, and how late.
 *
 *   fleet <port> <target> <channels in all> <channels per connection> <hello|-> [websocket|sse|get|nchan|poll]
 *
 * `target` ends where the channels are appended as c0,c1,…; connection i takes the next ones in turn, so that each
 * channel has the same number of subscribers. `hello` is sent after each opening handshake (Socket.IO's "40"). With
 * `poll` the channels are in the body of the first request. The ways of comet are in comet.h; a held request that is
 * answered is asked again at once, on its connection.
 * Reads commands, answers each with one line of JSON:
 *
 *   connect <total> <per second>   opens connections up to `total`, at this rate or as fast as the server answers
 *   reset                          forgets what was received
 *   report                         what was received since
 *   churn <per second>             closes the oldest and opens new ones at this rate; 0 stops
 *   quit
 *
 * A message counts when it has an @ followed by 19 digits: the moment it was published, on the monotonic clock in ns.
 * Pings of WebSocket, Holdfast ({}) and Engine.IO (2) are answered. Needs Linux (epoll).
 */
#define _GNU_SOURCE
#include "comet.h"
#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 19900
#define MAX_LATENCIES (8 * 1024 * 1024)
#define MAX_ROUNDS 65536
#define MAX_REQUEST 8192
#define RECEIVE_BYTES (256 * 1024)
#define EVENTS 1024
#define CONNECT_TIMEOUT_NS 30000000000ull
#define STAMP_DIGITS 19
#define STDIN 0xffffffffu
/* Handshakes under way at once: a server that is asked for more is in a storm, and that is another scenario. */
#define MAX_CONNECTING 200

struct connection {
  int fd;
  enum { NONE, CONNECTING, OPEN, LOST } state;
  /* Bytes that do not make a whole frame or answer yet. */
  unsigned char *rest;
  size_t rest_length;
};

/* One moment of publishing: how many messages of it came, and when the last did. */
struct round {
  uint64_t stamp_ns, last_ns;
  long count;
};

struct fleet {
  int port, channels, per_connection;
  enum protocol protocol;
  const char *target, *hello;
  int epoll;
  int begun, open, lost, failed;
  struct connection all[MAX_CONNECTIONS];
  unsigned char buffer[RECEIVE_BYTES];
  /* Since the last reset. */
  long messages, frames, bytes, dropped, answers;
  int latency_count, round_count;
  float *latency_ms;
  struct round rounds[MAX_ROUNDS];
  double cpu_before_ms;
  uint64_t since_ns;
  /* Closing the oldest and opening new ones. */
  double churn_per_second;
  uint64_t churn_next_ns;
  int churn_at;
};

static void lose(struct fleet *f, struct connection *c) {
  if (c->state == CONNECTING) f->failed++;
  else if (c->state == OPEN) {
    f->open--;
    f->lost++;
  }
  close(c->fd);
  free(c->rest);
  *c = (struct connection){.fd = -1, .state = LOST};
}

static void begin(struct fleet *f, int index) {
  struct connection *c = &f->all[index];
  *c = (struct connection){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .state = CONNECTING};
  int one = 1;
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(index % SOURCE_ADDRESSES));
  bind(c->fd, (struct sockaddr *)&from, sizeof from);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)) {
    lose(f, c);
    return;
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)index};
  epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

/* The channels of a connection: c0,c1 or, quoted, "c0","c1". Returns the length. */
static int own_channels(const struct fleet *f, int index, char *out, int size, const char *quote) {
  int at = 0;
  out[0] = 0;
  for (int k = 0; k < f->per_connection && at < size - 20; k++) {
    int channel = (int)(((long)index * f->per_connection + k) % f->channels);
    at += snprintf(out + at, (size_t)(size - at), "%s%sc%d%s", k == 0 ? "" : ",", quote, channel, quote);
  }
  return at;
}

/* The first request of a connection, or, with the answer before it, the next one. Returns 0 when it cannot be sent. */
static int ask(struct fleet *f, int index, const struct answer *before) {
  char target[MAX_REQUEST / 4], request[MAX_REQUEST];
  int at = snprintf(target, sizeof target / 2, "%s", f->target), length;
  struct text none = {"", 0};
  if (f->protocol == POLL) {
    char channels[MAX_REQUEST / 4];
    own_channels(f, index, channels, sizeof channels, "\"");
    length = poll_request(request, sizeof request, target, channels, before == NULL ? none : json_string(before, "sid"),
                          before == NULL ? none : json_string(before, "cursor"));
  } else {
    own_channels(f, index, target + at, (int)sizeof target - at, "");
    if (f->protocol == WEBSOCKET) length = handshake_request(request, sizeof request, target, f->port);
    else {
      int validates = f->protocol == NCHAN_POLL && before != NULL;
      length = get_request(request, sizeof request, target, f->protocol,
                           validates ? header_value(before, "last-modified:") : none,
                           validates ? header_value(before, "etag:") : none);
    }
  }
  if (length >= (int)sizeof request) return 0;
  return send(f->all[index].fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

static void opened(struct fleet *f, struct connection *c) {
  if (c->state != CONNECTING) return;
  c->state = OPEN;
  f->open++;
}

static void send_request(struct fleet *f, int index) {
  struct connection *c = &f->all[index];
  if (!ask(f, index, NULL)) {
    lose(f, c);
    return;
  }
  /* Nobody says that such a request is held. */
  if (f->protocol == HELD_GET || f->protocol == NCHAN_POLL) opened(f, c);
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u32 = (uint32_t)index};
  epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void answer(struct connection *c, int opcode, const void *payload, size_t length) {
  unsigned char frame[160];
  if (length > 125) return;
  size_t size = write_frame(frame, opcode, payload, length, 1);
  (void)!send(c->fd, frame, size, MSG_NOSIGNAL);
}

/* The first stamped message in `bytes`. Returns where the search goes on, NULL when there is none. */
static const unsigned char *count_message(struct fleet *f, const unsigned char *bytes, size_t length, uint64_t now) {
  const unsigned char *at = memchr(bytes, '@', length);
  if (at == NULL || bytes + length - at <= STAMP_DIGITS) return NULL;
  const unsigned char *behind = at + 1 + STAMP_DIGITS;
  uint64_t stamp = 0;
  for (int i = 1; i <= STAMP_DIGITS; i++) stamp = stamp * 10 + (uint64_t)(at[i] - '0');
  f->messages++;
  if (f->latency_count < MAX_LATENCIES) f->latency_ms[f->latency_count++] = (float)((double)(now - stamp) / 1e6);
  else f->dropped++;
  /* Rounds come in order, but for stragglers: search from the newest. */
  int r = f->round_count - 1;
  while (r >= 0 && r > f->round_count - 64 && f->rounds[r].stamp_ns != stamp) r--;
  if (r < 0 || f->rounds[r].stamp_ns != stamp) {
    if (f->round_count == MAX_ROUNDS) return behind;
    r = f->round_count++;
    f->rounds[r] = (struct round){.stamp_ns = stamp};
  }
  f->rounds[r].count++;
  f->rounds[r].last_ns = now;
  return behind;
}

static void count_messages(struct fleet *f, const char *bytes, size_t length, uint64_t now) {
  const unsigned char *at = (const unsigned char *)bytes, *end = at + length;
  while (at != NULL) at = count_message(f, at, (size_t)(end - at), now);
}

/* Returns 0 when the connection is over. */
static int take_frame(struct fleet *f, struct connection *c, const struct frame *frame, uint64_t now) {
  f->frames++;
  switch (frame->opcode) {
    case OP_CLOSE:
      return 0;
    case OP_PING:
      answer(c, OP_PONG, frame->payload, frame->length);
      return 1;
    case OP_TEXT:
    case OP_BINARY:
      if (frame->length == 2 && memcmp(frame->payload, "{}", 2) == 0) answer(c, OP_TEXT, "{}", 2);
      else if (frame->length == 1 && frame->payload[0] == '2') answer(c, OP_TEXT, "3", 1);
      else count_message(f, frame->payload, frame->length, now);
      return 1;
    default:
      return 1;
  }
}

/* How many of `size` bytes make the answer's head: 0 when it is not whole, -1 when it is not a 101. */
static long take_head(unsigned char *bytes, size_t size) {
  bytes[size] = 0;
  int status = handshake_status((const char *)bytes);
  if (status == 0) return 0;
  if (status != 101) return -1;
  return strstr((const char *)bytes, "\r\n\r\n") + 4 - (const char *)bytes;
}

/* Returns how much of the buffer is done with, -1 when the connection is over. */
static long take_frames(struct fleet *f, struct connection *c, size_t size, uint64_t now) {
  unsigned char *buffer = f->buffer;
  size_t at = 0;
  if (c->state == CONNECTING) {
    long head = take_head(buffer, size);
    if (head <= 0) return head;
    at = (size_t)head;
    opened(f, c);
    if (f->hello != NULL) answer(c, OP_TEXT, f->hello, strlen(f->hello));
  }
  struct frame frame;
  while (read_frame(buffer + at, size - at, &frame)) {
    if (!take_frame(f, c, &frame, now)) return -1;
    at += frame.total;
  }
  return (long)at;
}

/* Whole lines; the sizes of chunks are lines, too, and no line is in two chunks. */
static long take_stream(struct fleet *f, struct connection *c, size_t size, uint64_t now) {
  char *buffer = (char *)f->buffer;
  size_t at = 0;
  if (c->state == CONNECTING) {
    struct answer head;
    int whole = read_head(buffer, &head);
    if (whole <= 0) return whole;
    if (head.status != 200) return -1;
    at = head.head_length;
    opened(f, c);
  }
  char *last = memrchr(buffer + at, '\n', size - at);
  if (last == NULL) return (long)at;
  count_messages(f, buffer + at, (size_t)(last + 1 - buffer) - at, now);
  return (long)(last + 1 - buffer);
}

/* Each answer is followed by the next request. */
static long take_answers(struct fleet *f, struct connection *c, size_t size, uint64_t now) {
  const char *buffer = (const char *)f->buffer;
  size_t at = 0;
  while (at < size) {
    struct answer answer;
    long length = read_answer(buffer + at, size - at, &answer);
    if (length == 0) break;
    /* Nchan says 304 when its time to hold is over. */
    if (length < 0 || (answer.status != 200 && answer.status != 304)) return -1;
    at += (size_t)length;
    f->answers++;
    count_messages(f, answer.body, answer.body_length, now);
    if (!ask(f, (int)(c - f->all), &answer)) return -1;
    opened(f, c);
  }
  return (long)at;
}

static void receive(struct fleet *f, struct connection *c) {
  unsigned char *buffer = f->buffer;
  size_t size = c->rest_length;
  memcpy(buffer, c->rest == NULL ? (unsigned char *)"" : c->rest, size);
  ssize_t n = recv(c->fd, buffer + size, RECEIVE_BYTES - 1 - size, 0);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) lose(f, c);
    return;
  }
  uint64_t now = now_ns();
  size += (size_t)n;
  f->bytes += n;
  buffer[size] = 0;
  long at = f->protocol == WEBSOCKET ? take_frames(f, c, size, now)
            : f->protocol == SSE     ? take_stream(f, c, size, now)
                                     : take_answers(f, c, size, now);
  if (at < 0) {
    lose(f, c);
    return;
  }
  free(c->rest);
  c->rest_length = size - (size_t)at;
  c->rest = NULL;
  if (c->rest_length == 0) return;
  c->rest = malloc(c->rest_length);
  memcpy(c->rest, buffer + at, c->rest_length);
}

/* Closes the oldest connection with a reset and opens another in its place. */
static void churn(struct fleet *f) {
  uint64_t now = now_ns();
  for (int burst = 0; f->churn_per_second > 0 && f->churn_next_ns <= now && burst < 64; burst++) {
    f->churn_next_ns += (uint64_t)(1e9 / f->churn_per_second);
    int index = f->churn_at++ % f->begun;
    struct connection *c = &f->all[index];
    if (c->state == OPEN) {
      struct linger at_once = {1, 0};
      setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      f->open--;
      close(c->fd);
      free(c->rest);
    } else if (c->state == CONNECTING) {
      continue;
    }
    begin(f, index);
  }
}

/* One look at the sockets. Returns 1 when a command waits on stdin. */
static int turn(struct fleet *f, int wait_ms) {
  struct epoll_event events[EVENTS];
  int command = 0;
  int n = epoll_wait(f->epoll, events, EVENTS, wait_ms);
  for (int i = 0; i < n; i++) {
    if (events[i].data.u32 == STDIN) {
      command = 1;
      continue;
    }
    int index = (int)events[i].data.u32;
    struct connection *c = &f->all[index];
    if (c->state != CONNECTING && c->state != OPEN) continue;
    if (events[i].events & EPOLLOUT) send_request(f, index);
    else receive(f, c);
  }
  churn(f);
  return command;
}

static void connect_to(struct fleet *f, int total, double rate) {
  if (total > MAX_CONNECTIONS) total = MAX_CONNECTIONS;
  uint64_t start = now_ns();
  int first = f->begun;
  while (now_ns() - start < CONNECT_TIMEOUT_NS + (uint64_t)((total - first) / rate * 1e9)) {
    int due = first + (int)((double)(now_ns() - start) / 1e9 * rate) + 1;
    for (int burst = 0; f->begun < total && f->begun < due && burst < 64; burst++) {
      if (f->begun - f->open - f->lost - f->failed >= MAX_CONNECTING) break;
      begin(f, f->begun++);
    }
    turn(f, 1);
    if (f->begun == total && f->open + f->lost + f->failed >= total) break;
  }
  printf("{\"open\":%d,\"failed\":%d,\"lost\":%d,\"ms\":%.1f}\n", f->open, total - f->open - f->lost, f->lost,
         (double)(now_ns() - start) / 1e6);
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static float quantile(const struct fleet *f, double q) {
  if (f->latency_count == 0) return 0;
  int at = (int)((double)f->latency_count * q);
  return f->latency_ms[at < f->latency_count ? at : f->latency_count - 1];
}

static void reset(struct fleet *f) {
  f->messages = f->frames = f->bytes = f->dropped = f->answers = 0;
  f->latency_count = f->round_count = f->lost = 0;
  f->cpu_before_ms = own_cpu_ms();
  f->since_ns = now_ns();
}

static void report(struct fleet *f) {
  double cpu = own_cpu_ms() - f->cpu_before_ms, busy_ms = 0;
  double elapsed = (double)(now_ns() - f->since_ns) / 1e6;
  for (int r = 0; r < f->round_count; r++) busy_ms += (double)(f->rounds[r].last_ns - f->rounds[r].stamp_ns) / 1e6;
  qsort(f->latency_ms, (size_t)f->latency_count, sizeof(float), by_size);
  printf("{\"open\":%d,\"failed\":%d,\"lost\":%d,\"messages\":%ld,\"frames\":%ld,\"bytes\":%ld,\"rounds\":%d,"
         "\"busyMs\":%.3f,\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f,\"unrecorded\":%ld,\"answers\":%ld,\"cpuMs\":%.2f,"
         "\"elapsedMs\":%.1f}\n",
         f->open, f->failed, f->lost, f->messages, f->frames, f->bytes, f->round_count, busy_ms, quantile(f, 0.5),
         quantile(f, 0.99), quantile(f, 0.999), quantile(f, 1), f->dropped, f->answers, cpu, elapsed);
}

/* Returns 0 at the end. */
static int obey(struct fleet *f) {
  char line[128];
  ssize_t n = read(0, line, sizeof line - 1);
  if (n <= 0) return 0;
  line[n] = 0;
  int total;
  double rate;
  if (sscanf(line, "connect %d %lf", &total, &rate) == 2) connect_to(f, total, rate);
  else if (sscanf(line, "churn %lf", &rate) == 1) {
    f->churn_per_second = rate;
    f->churn_next_ns = now_ns();
    printf("{\"churn\":%.0f}\n", rate);
  } else if (strncmp(line, "reset", 5) == 0) {
    reset(f);
    printf("{\"reset\":true}\n");
  } else if (strncmp(line, "count", 5) == 0) printf("{\"messages\":%ld}\n", f->messages);
  else if (strncmp(line, "report", 6) == 0) report(f);
  else return 0;
  fflush(stdout);
  return 1;
}

int main(int argc, char **argv) {
  static struct fleet f;
  int protocol = argc > 6 ? protocol_named(argv[6]) : WEBSOCKET;
  if (argc < 6 || argc > 7 || protocol < 0) {
    fprintf(stderr,
            "usage: fleet port target channels channels-per-connection hello|- [websocket|sse|get|nchan|poll]\n");
    return 2;
  }
  f.protocol = (enum protocol)protocol;
  f.port = atoi(argv[1]);
  f.target = argv[2];
  f.channels = atoi(argv[3]);
  f.per_connection = atoi(argv[4]);
  f.hello = strcmp(argv[5], "-") == 0 ? NULL : argv[5];
  if (f.channels < 1 || f.per_connection < 0) return 2;
  raise_descriptor_limit();
  signal(SIGPIPE, SIG_IGN);
  f.latency_ms = malloc(sizeof(float) * MAX_LATENCIES);
  f.epoll = epoll_create1(0);
  struct epoll_event commands = {.events = EPOLLIN, .data.u32 = STDIN};
  epoll_ctl(f.epoll, EPOLL_CTL_ADD, 0, &commands);
  reset(&f);
  printf("{\"ready\":true}\n");
  fflush(stdout);
  for (;;) {
    int wait = f.churn_per_second > 0 ? 1 : 1000;
    if (turn(&f, wait) && !obey(&f)) break;
  }
  /* The kernel closes what is left; resets, so that no TIME_WAIT stays. */
  struct linger at_once = {1, 0};
  for (int i = 0; i < f.begun; i++) {
    if (f.all[i].fd > 0) setsockopt(f.all[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  return 0;
}
