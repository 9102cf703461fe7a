/*
 * Comet as the fleet speaks it: requests that are held, and what the answers say.
 *
 * Four ways: an event stream (SSE), a plain GET that is asked again when it is answered, Nchan's long-poll (the validators
 * of the last answer in the next request), and Holdfast's POST /poll (the cursor of the last answer in the next request).
 */
#ifndef HOLDFAST_BENCH_COMET_H
#define HOLDFAST_BENCH_COMET_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum protocol { WEBSOCKET, SSE, HELD_GET, NCHAN_POLL, POLL };

static inline int protocol_named(const char *name) {
  static const char *names[] = {"websocket", "sse", "get", "nchan", "poll"};
  for (int i = 0; i < 5; i++)
    if (strcmp(name, names[i]) == 0) return i;
  return -1;
}

#define MAX_VALUE 2048

/* A stretch of an answer. */
struct text {
  const char *at;
  size_t length;
};

struct answer {
  int status;
  const char *head, *body;
  size_t head_length, body_length;
};

/* The value of a header, `name` with its colon; empty when there is none. */
static inline struct text header_value(const struct answer *a, const char *name) {
  size_t length = strlen(name);
  const char *end = a->head + a->head_length;
  for (const char *line = a->head; line < end;) {
    const char *next = memchr(line, '\n', (size_t)(end - line));
    if (next == NULL) next = end;
    if ((size_t)(next - line) > length && strncasecmp(line, name, length) == 0) {
      const char *value = line + length;
      while (value < next && *value == ' ') value++;
      const char *last = next;
      while (last > value && (last[-1] == '\r' || last[-1] == ' ')) last--;
      return (struct text){value, (size_t)(last - value)};
    }
    line = next + 1;
  }
  return (struct text){"", 0};
}

/* The head of an answer: 1 when it is whole, 0 when not, -1 when it is no HTTP. `bytes` has a 0 behind its end. */
static inline int read_head(const char *bytes, struct answer *out) {
  const char *end = strstr(bytes, "\r\n\r\n");
  if (end == NULL) return 0;
  if (sscanf(bytes, "HTTP/1.1 %d", &out->status) != 1) return -1;
  out->head = bytes;
  out->head_length = (size_t)(end + 4 - bytes);
  out->body = end + 4;
  out->body_length = 0;
  return 1;
}

/* A whole answer with a Content-Length; returns its length, 0 when it is not whole, -1 when it cannot be read. */
static inline long read_answer(const char *bytes, size_t size, struct answer *out) {
  int head = read_head(bytes, out);
  if (head <= 0) return head;
  struct text length = header_value(out, "content-length:");
  if (length.length == 0) return -1;
  out->body_length = (size_t)strtoul(length.at, NULL, 10);
  size_t total = out->head_length + out->body_length;
  return total <= size ? (long)total : 0;
}

/* The value of a string in the JSON of the body, which has no escapes in it; empty when there is none. */
static inline struct text json_string(const struct answer *a, const char *name) {
  char key[64];
  size_t length = (size_t)snprintf(key, sizeof key, "\"%s\":\"", name);
  const char *end = a->body + a->body_length;
  const char *found = memmem(a->body, a->body_length, key, length);
  if (found == NULL) return (struct text){"", 0};
  const char *value = found + length;
  const char *quote = memchr(value, '"', (size_t)(end - value));
  return quote == NULL ? (struct text){"", 0} : (struct text){value, (size_t)(quote - value)};
}

/* What a browser sends with each of its requests. */
#define COMET_HEADERS                                                                                                  \
  "Host: 127.0.0.1\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n"                                            \
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "                                \
  "Chrome/129.0.0.0 Safari/537.36\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"

static inline int get_request(char *out, size_t size, const char *target, int protocol, struct text modified,
                              struct text tag) {
  const char *accept = protocol == SSE ? "text/event-stream" : "*/*";
  if (modified.length == 0)
    return snprintf(out, size, "GET %s HTTP/1.1\r\n" COMET_HEADERS "Accept: %s\r\n\r\n", target, accept);
  return snprintf(out, size,
                  "GET %s HTTP/1.1\r\n" COMET_HEADERS "Accept: %s\r\nIf-Modified-Since: %.*s\r\nIf-None-Match: %.*s\r\n\r\n",
                  target, accept, (int)modified.length, modified.at, (int)tag.length, tag.at);
}

/* The first poll names its channels, the others bring session and cursor. */
static inline int poll_request(char *out, size_t size, const char *target, const char *channels, struct text sid,
                               struct text cursor) {
  char body[2 * MAX_VALUE], query[MAX_VALUE] = "";
  int length;
  if (cursor.length == 0) length = snprintf(body, sizeof body, "{\"channels\":[%s]}", channels);
  else {
    length = snprintf(body, sizeof body, "{\"sid\":\"%.*s\",\"cursor\":\"%.*s\"}", (int)sid.length, sid.at,
                      (int)cursor.length, cursor.at);
    snprintf(query, sizeof query, "?sid=%.*s", (int)sid.length, sid.at);
  }
  return snprintf(out, size,
                  "POST %s%s HTTP/1.1\r\n" COMET_HEADERS
                  "Accept: */*\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
                  target, query, length, body);
}

#endif
