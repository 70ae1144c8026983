/* The floor: a C program that answers calls and talks to each, with a socket per call and nothing else.
 *
 *   floor HOST PORT
 *
 * No transactions, no checks, no database: what is left is what the kernel charges for the packets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { MOST = 8192, SLOTS = 4, PROMPT = 0x11 };
#define MARK_SIP 0xFFFFFFFEu
#define MARK_TIMER 0xFFFFFFFFu

typedef struct { int fd, port; char id[100]; unsigned char packet[172], prompt; uint16_t sequence; uint32_t timestamp, key; } Call;

static Call calls[MOST];
static int count, sip, poller;
static const char *host;
static int port;

static const char *header(const char *text, const char *name) {
  for (const char *line = strstr(text, "\r\n"); line; line = strstr(line + 2, "\r\n"))
    if (!strncasecmp(line + 2, name, strlen(name))) return line + 2 + strlen(name);
  return NULL;
}

static void watch(int fd, uint32_t mark) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = mark};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static int find(const char *id) {
  for (int i = 0; i < count; i++) if (!strcmp(calls[i].id, id)) return i;
  return -1;
}

static int take(const char *id, const char *text) {
  if (count == MOST) return -1;
  Call *call = calls + count;
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  const char *media = strstr(text, "m=audio ");
  memset(call, 0, sizeof *call);
  call->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  inet_pton(AF_INET, host, &address.sin_addr);
  if (call->fd < 0 || bind(call->fd, (struct sockaddr *)&address, sizeof address)) return -1;
  getsockname(call->fd, (struct sockaddr *)&address, &size);
  call->port = ntohs(address.sin_port);
  address.sin_port = htons(media ? atoi(media + 8) : 9);
  connect(call->fd, (struct sockaddr *)&address, sizeof address);
  snprintf(call->id, sizeof call->id, "%s", id);
  call->prompt = PROMPT;
  call->packet[0] = 0x80;
  call->packet[1] = 8;
  *(uint32_t *)(call->packet + 8) = htonl(count + 1);
  watch(call->fd, count);
  return count++;
}

static void drop(int index) {
  close(calls[index].fd);
  if (index != --count) {
    calls[index] = calls[count];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    epoll_ctl(poller, EPOLL_CTL_MOD, calls[index].fd, &event);
  }
}

static void reply(const char *text, const char *body, struct sockaddr_in *to) {
  static char out[4000];
  const char *names[] = {"Via:", "From:", "To:", "Call-ID:", "CSeq:"};
  int length = snprintf(out, sizeof out, "SIP/2.0 200 OK\r\n");
  for (int i = 0; i < 5; i++) {
    const char *value = header(text, names[i]);
    if (!value) return;
    int size = (int)strcspn(value, "\r");
    const char *tag = i == 2 && !memmem(value, size, "tag=", 4) ? ";tag=floor" : "";
    length += snprintf(out + length, sizeof out - length, "%s%.*s%s\r\n", names[i], size, value, tag);
  }
  length += snprintf(out + length, sizeof out - length,
                     "Contact: <sip:floor@%s:%d>\r\n%sContent-Length: %zu\r\n\r\n%s", host, port,
                     *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
  sendto(sip, out, length, 0, (struct sockaddr *)to, sizeof *to);
}

static int read_sip(void) {
  static char text[8000];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  ssize_t length = recvfrom(sip, text, sizeof text - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
  if (length <= 0) return 0;
  text[length] = 0;
  char id[100] = "", body[300];
  const char *value = header(text, "Call-ID:");
  if (!value) return 1;
  snprintf(id, sizeof id, "%.*s", (int)strcspn(value, "\r"), value);
  int index = find(id);
  if (!strncmp(text, "INVITE", 6)) {
    if (index < 0) index = take(id, text);
    if (index < 0) return 1;
    snprintf(body, sizeof body,
             "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8 101\r\n"
             "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n",
             host, host, calls[index].port);
    reply(text, body, &from);
  } else if (!strncmp(text, "BYE", 3)) {
    if (index >= 0) drop(index);
    reply(text, "", &from);
  }
  return 1;
}

static void hear(int index) {
  unsigned char packet[2048];
  Call *call = calls + index;
  if (recv(call->fd, packet, sizeof packet, 0) < 16 || (packet[1] & 0x7F) != 101) return;
  uint32_t key = ntohl(*(uint32_t *)(packet + 4));
  if (key != call->key) call->prompt ^= 0x33; /* the next prompt */
  call->key = key;
}

static void talk(Call *call) {
  *(uint16_t *)(call->packet + 2) = htons(call->sequence++);
  *(uint32_t *)(call->packet + 4) = htonl(call->timestamp);
  call->timestamp += 160;
  memset(call->packet + 12, call->prompt, 160);
  if (send(call->fd, call->packet, sizeof call->packet, 0) < 0) return;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  host = argv[1];
  port = atoi(argv[2]);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  poller = epoll_create1(0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &own.sin_addr);
  sip = socket(AF_INET, SOCK_DGRAM, 0);
  int room = 8 << 20;
  setsockopt(sip, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(sip, (struct sockaddr *)&own, sizeof own)) { perror("floor"); return 1; }
  watch(sip, MARK_SIP);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec every = {{0, 20000000 / SLOTS}, {0, 20000000 / SLOTS}};
  timerfd_settime(timer, 0, &every, NULL);
  watch(timer, MARK_TIMER);
  puts("ready");
  fflush(stdout);
  struct epoll_event events[512];
  for (long tick = 0;;) {
    int got = epoll_wait(poller, events, 512, -1);
    for (int i = 0; i < got; i++) {
      uint32_t mark = events[i].data.u32;
      uint64_t due;
      if (mark == MARK_SIP) for (int n = 0; n < 64 && read_sip(); n++) continue;
      else if (mark != MARK_TIMER) { if ((int)mark < count) hear(mark); }
      else if (read(timer, &due, sizeof due) == sizeof due)
        for (; due--; tick++)
          for (int index = tick % SLOTS; index < count; index += SLOTS) talk(calls + index);
    }
  }
}
