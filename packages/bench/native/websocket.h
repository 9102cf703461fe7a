/*
 * What the C programs share: the clock, the opening handshake with its one fixed key, and frame headers.
 *
 * Clients mask with zeroes: a mask of zeroes is legal, and then the bytes need no second pass.
 */
#ifndef HOLDFAST_BENCH_WEBSOCKET_H
#define HOLDFAST_BENCH_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* The example of RFC 6455 §1.3, so that the answer is known without SHA-1. */
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* Source addresses 127.0.0.2 to 127.0.0.9: one address has only 28,000 ports. */
#define SOURCE_ADDRESSES 8

enum { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

/* The monotonic clock, the same as Node's process.hrtime, in ns. */
static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* CPU time of this process, user and system, in ms. */
static inline double own_cpu_ms(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e3 +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e3;
}

/* Lets this process open as many descriptors as it may; returns how many. */
static inline long raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return (long)limit.rlim_cur;
}

/* The request a browser sends; `target` is path and query. Returns its length. */
static inline int handshake_request(char *out, size_t size, const char *target, int port) {
  return snprintf(out, size,
                  "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nPragma: no-cache\r\n"
                  "Cache-Control: no-cache\r\n"
                  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                  "Chrome/129.0.0.0 Safari/537.36\r\n"
                  "Upgrade: websocket\r\nOrigin: http://127.0.0.1:%d\r\nSec-WebSocket-Version: 13\r\n"
                  "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"
                  "Sec-WebSocket-Key: " HANDSHAKE_KEY "\r\n"
                  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
                  target, port, port);
}

/* The status of a whole answer's head, 101 only with the right accept value; 0 while the head is not whole. */
static inline int handshake_status(const char *head) {
  const char *end = strstr(head, "\r\n\r\n");
  if (end == NULL) return 0;
  int status = 0;
  if (sscanf(head, "HTTP/1.1 %d", &status) != 1) return 1;
  if (status != 101) return status;
  const char *accept = strstr(head, HANDSHAKE_ACCEPT);
  return accept != NULL && accept < end ? 101 : 1;
}

struct frame {
  int opcode;
  const unsigned char *payload;
  size_t length;
  size_t total; /* header and payload */
};

/* Reads one unmasked frame; 0 when `size` bytes do not hold a whole one. */
static inline int read_frame(const unsigned char *bytes, size_t size, struct frame *out) {
  if (size < 2) return 0;
  size_t header = 2;
  uint64_t length = bytes[1] & 0x7f;
  if (length == 126) {
    if (size < 4) return 0;
    length = (uint64_t)bytes[2] << 8 | bytes[3];
    header = 4;
  } else if (length == 127) {
    if (size < 10) return 0;
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | bytes[i];
    header = 10;
  }
  if (bytes[1] & 0x80) header += 4;
  if (size < header + length) return 0;
  out->opcode = bytes[0] & 0x0f;
  out->payload = bytes + header;
  out->length = (size_t)length;
  out->total = header + (size_t)length;
  return 1;
}

/* Writes a whole frame of at most 65,535 payload bytes; `masked` for what clients send. Returns its length. */
static inline size_t write_frame(unsigned char *out, int opcode, const void *payload, size_t length, int masked) {
  size_t at = 0;
  unsigned char mask_bit = masked ? 0x80 : 0;
  out[at++] = (unsigned char)(0x80 | opcode);
  if (length < 126) {
    out[at++] = (unsigned char)(mask_bit | length);
  } else {
    out[at++] = mask_bit | 126;
    out[at++] = (unsigned char)(length >> 8);
    out[at++] = (unsigned char)(length & 0xff);
  }
  if (masked) {
    memset(out + at, 0, 4);
    at += 4;
  }
  memcpy(out + at, payload, length);
  return at + length;
}

#endif
