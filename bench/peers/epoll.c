/* A bare WebSocket server on epoll, as a yardstick: one thread, no limits, no pings, only what the generator sends.
 * Prints "listening PORT". Paths: /tNNNNNNN subscribes to that topic; messages of /publish0 are topic (8 characters) and
 * payload. Publications of one event-loop turn leave in one write per subscriber.
 * Build: cc -O2 -o epoll epoll.c */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_TOPICS 65536
#define MAX_FDS 65536
#define MAX_EVENTS 1024

struct bytes {
  char *data;
  size_t length, capacity;
};

struct connection {
  struct bytes in, out;
  int topic; /* -1 before the upgrade, -2 for a publisher */
  int place; /* index among the topic's subscribers */
};

struct topic {
  int *subscribers;
  int count, capacity;
  struct bytes pending;
};

static struct connection *connections[MAX_FDS];
static struct topic topics[MAX_TOPICS];
static int dirty[MAX_TOPICS], dirty_count;
static int poller;

static void append(struct bytes *to, const void *data, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = (to->length + length) * 2;
    to->data = realloc(to->data, to->capacity);
    if (to->data == NULL) abort();
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

static void discard(struct bytes *from, size_t length) {
  from->length -= length;
  memmove(from->data, from->data + length, from->length);
}

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

/* SHA-1 of at most 119 bytes (FIPS 180-4). */
static void sha1(const char *text, size_t length, unsigned char digest[20]) {
  unsigned char blocks[128] = {0};
  size_t total = length + 9 > 64 ? 128 : 64;
  memcpy(blocks, text, length);
  blocks[length] = 0x80;
  for (int i = 0; i < 4; i++) blocks[total - 1 - i] = (unsigned char)((length * 8) >> (8 * i));
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (size_t at = 0; at < total; at += 64) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++) {
      const unsigned char *b = blocks + at + 4 * i;
      w[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
      uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
      uint32_t next = rotate(a, 5) + f + e + k + w[i];
      e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void accept_key(const char *key, size_t length, char out[29]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char text[100];
  unsigned char digest[21] = {0};
  snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)length, key);
  sha1(text, strlen(text), digest);
  for (int i = 0; i < 7; i++) {
    uint32_t group = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | digest[3 * i + 2];
    for (int j = 0; j < 4; j++) out[4 * i + j] = digits[group >> (18 - 6 * j) & 63];
  }
  out[27] = '=';
  out[28] = 0;
}

static void close_connection(int fd) {
  struct connection *c = connections[fd];
  if (c == NULL) return;
  if (c->topic >= 0) {
    struct topic *t = &topics[c->topic];
    int moved = t->subscribers[--t->count];
    t->subscribers[c->place] = moved;
    connections[moved]->place = c->place;
  }
  free(c->in.data);
  free(c->out.data);
  free(c);
  connections[fd] = NULL;
  close(fd);
}

static void watch(int fd, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  epoll_ctl(poller, operation, fd, &event);
}

/* Writes now what the kernel takes; the rest waits for EPOLLOUT. */
static void send_bytes(int fd, const char *data, size_t length) {
  struct connection *c = connections[fd];
  size_t sent = 0;
  if (c->out.length == 0) {
    ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
    if (n > 0) sent = (size_t)n;
    if (sent == length) return;
    watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  append(&c->out, data + sent, length - sent);
}

static void flush(int fd) {
  struct connection *c = connections[fd];
  ssize_t n = send(fd, c->out.data, c->out.length, MSG_NOSIGNAL);
  if (n > 0) discard(&c->out, (size_t)n);
  if (c->out.length == 0) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static void publish(const char *message, size_t length) {
  if (length < 8) return;
  int number = atoi((char[]){message[1], message[2], message[3], message[4], message[5], message[6], message[7], 0});
  if (number < 0 || number >= MAX_TOPICS) return;
  struct topic *t = &topics[number];
  size_t payload = length - 8;
  unsigned char header[4] = {0x81, payload < 126 ? (unsigned char)payload : 126, (unsigned char)(payload >> 8), (unsigned char)payload};
  if (t->pending.length == 0) dirty[dirty_count++] = number;
  append(&t->pending, header, payload < 126 ? 2 : 4);
  append(&t->pending, message + 8, payload);
}

/* Returns 0 when the connection is to be closed. */
static int upgrade(int fd, struct connection *c) {
  append(&c->in, "", 1);
  c->in.length--;
  char *end = strstr(c->in.data, "\r\n\r\n");
  if (end == NULL) return 1;
  char *key = strcasestr(c->in.data, "\r\nSec-WebSocket-Key: ");
  if (key == NULL || strncmp(c->in.data, "GET /", 5) != 0) return 0;
  key += 21;
  size_t key_length = strcspn(key, "\r");
  if (key_length > 60) return 0;
  char accepted[29], response[200];
  accept_key(key, key_length, accepted);
  int length = snprintf(response, sizeof response,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n\r\n\x81\x05ready", accepted);
  if (c->in.data[5] == 't') {
    c->topic = atoi(c->in.data + 6) % MAX_TOPICS;
    struct topic *t = &topics[c->topic];
    if (t->count == t->capacity) {
      t->capacity = t->capacity ? t->capacity * 2 : 4;
      t->subscribers = realloc(t->subscribers, sizeof(int) * (size_t)t->capacity);
      if (t->subscribers == NULL) abort();
    }
    c->place = t->count;
    t->subscribers[t->count++] = fd;
  } else {
    c->topic = -2;
  }
  discard(&c->in, (size_t)(end + 4 - c->in.data));
  send_bytes(fd, response, (size_t)length);
  return 1;
}

/* Takes whole masked frames; returns 0 when the connection is to be closed. */
static int read_frames(struct connection *c) {
  size_t at = 0;
  for (;;) {
    unsigned char *b = (unsigned char *)c->in.data + at;
    size_t left = c->in.length - at, header = 6, length;
    if (left < 6) break;
    length = b[1] & 127;
    if (length == 126) header = 8, length = (size_t)b[2] << 8 | b[3];
    else if (length == 127) return 0;
    if (left < header + length) break;
    if ((b[0] & 15) == 8) return 0;
    for (size_t i = 0; i < length; i++) b[header + i] ^= b[header - 4 + (i & 3)];
    if (c->topic == -2) publish((char *)b + header, length);
    at += header + length;
  }
  discard(&c->in, at);
  return 1;
}

static void readable(int fd) {
  static char buffer[1 << 18];
  struct connection *c = connections[fd];
  ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  int open = n > 0;
  if (open) {
    append(&c->in, buffer, (size_t)n);
    if (c->topic == -1) open = upgrade(fd, c);
    if (open && c->topic != -1) open = read_frames(c);
  }
  if (!open) close_connection(fd);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    if (fd >= MAX_FDS || (connections[fd] = calloc(1, sizeof(struct connection))) == NULL) {
      close(fd);
      continue;
    }
    connections[fd]->topic = -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0) return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  poller = epoll_create1(EPOLL_CLOEXEC);
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  static struct epoll_event events[MAX_EVENTS];
  for (;;) {
    int count = epoll_wait(poller, events, MAX_EVENTS, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(listener);
        continue;
      }
      if (connections[fd] != NULL && events[i].events & EPOLLOUT) flush(fd);
      if (connections[fd] != NULL && events[i].events & ~(uint32_t)EPOLLOUT) readable(fd);
    }
    for (int i = 0; i < dirty_count; i++) {
      struct topic *t = &topics[dirty[i]];
      for (int j = 0; j < t->count; j++) send_bytes(t->subscribers[j], t->pending.data, t->pending.length);
      t->pending.length = 0;
    }
    dirty_count = 0;
  }
}
