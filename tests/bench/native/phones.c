/* Many telephones in one process: they call, talk, press keys, hang up and measure.
 *
 *   phones HOST PORT USER CALLS RATE WINDOW_S KEYS_S [speech]
 *   phones HOST PORT USER CALLS AT_ONCE churn
 *
 * The first form sets up CALLS calls at RATE a second, holds and measures them for WINDOW_S seconds, then lets each
 * press one key somewhere in KEYS_S seconds, and hangs up.
 * The second makes CALLS calls, AT_ONCE at a time, each hung up as soon as it is answered. Lines "window begin"
 * and "window end" frame what is measured; the last line is JSON. Arrival times are the kernel's. Why calls failed is
 * counted by kinds there; the first failures are told one by one on stderr.
 *
 * Sound is read by the clock and not by epoll: on loopback the kernel charges waking a receiver to whoever sends,
 * and a real telephone is woken at its own expense.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { IDLE, INVITED, UP, LEAVING, OVER };
enum { SLOTS = 20, EVENT = 101, KEY_PACKETS = 5, KEY_ENDS = 3, AT_ONCE = 8, LARGEST = 2048, CONTROL = 64 };
#ifndef T1
#define T1 0.5 /* seconds, RFC 3261, table 4: requests are sent again as 17.1.1.2 and 17.1.2.2 say */
#endif
#define T2 (8 * T1)
#define BYE_LIMIT (64 * T1)
#ifndef ANSWER_LIMIT
#define ANSWER_LIMIT 10.0 /* seconds; a caller's patience: a telephone would have 64 T1 */
#endif
#define PROMPT_LIMIT 3.0
#define MARK_SIP 0xFFFFFFFEu
#define MARK_TIMER 0xFFFFFFFFu

/* How a call ends: FINE, or why it failed. */
enum { FINE, REFUSED, UNANSWERED, RANG_ONLY, WRONG_ANSWER, HUNG_UP_ON, NO_SOUND, BYE_UNANSWERED, BYE_REFUSED, KINDS };
static const char *const KIND[KINDS] = {
    "", "refused", "no answer at all", "rang only", "wrong answer", "hung up by the other side", "no sound",
    "BYE unanswered", "BYE refused"};
enum { TOLD = 20, STATUSES = 700 };

typedef struct {
  int state, fd, port, invites, sends, rang;
  char to[200], contact[200];
  double began, left, resend, press_at, sent_key, arrived;
  uint16_t sequence;
  uint32_t timestamp, heard_timestamp, key_timestamp;
  int heard, pressing, wants_prompt, packets;
  unsigned char prompt;
} Call;

typedef struct { float *at; size_t count, room; } Series;

static Call *calls;
static int speech, waiting, total, sip, poller, local_port, up, failed, over, measuring, churn, dialled, oldest;
static int failures[KINDS], refusals[STATUSES];
static struct sockaddr_in target;
static const char *host, *user;
static Series answers, pacing, prompts;
static long received, expected_jumps;
static double measured_from;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now); /* the clock of SO_TIMESTAMPNS */
  return now.tv_sec + now.tv_nsec * 1e-9;
}

static void add(Series *series, double value) {
  if (series->count == series->room) {
    series->room = series->room ? 2 * series->room : 4096;
    series->at = realloc(series->at, series->room * sizeof *series->at);
  }
  series->at[series->count++] = (float)value;
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static double quantile(Series *series, double part) {
  if (!series->count) return -1;
  return 1e3 * series->at[(size_t)(part * (series->count - 1))];
}

static void tell(const char *name, Series *series, const char *end) {
  qsort(series->at, series->count, sizeof *series->at, ascending);
  printf("\"%s\": {\"count\": %zu, \"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"worst\": %.3f}%s", name,
         series->count, quantile(series, .5), quantile(series, .99), quantile(series, .999), quantile(series, 1), end);
}

static void watch(int fd, uint32_t mark) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = mark};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

/* `branch` names the transaction: the method's own, but an ACK of a refusal is part of its INVITE's (17.1.1.3). */
static void request_in(int index, const char *branch, const char *method, const char *uri, const char *body) {
  static char text[2000];
  Call *call = calls + index;
  int length = snprintf(
      text, sizeof text,
      "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;rport;branch=z9hG4bK%s%d.%d.%d\r\nMax-Forwards: 70\r\n"
      "From: <sip:+49171%07d@%s:%d>;tag=f%d-%d\r\nTo: %s\r\nCall-ID: %d@phones-%d\r\nCSeq: %d %s\r\n"
      "Contact: <sip:phone%d@%s:%d>\r\n%sContent-Length: %zu\r\n\r\n%s",
      method, uri, host, local_port, branch, (int)getpid(), local_port, index, index, host, local_port, (int)getpid(), index, call->to, index,
      (int)getpid(), method[0] == 'B' ? 2 : 1, method, index, host, local_port,
      *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
  sendto(sip, text, length, 0, (struct sockaddr *)&target, sizeof target);
}

static void request(int index, const char *method, const char *uri, const char *body) {
  request_in(index, method, method, uri, body);
}

static void line_uri(char *out, size_t room) { snprintf(out, room, "sip:%s@%s:%d", user, host, ntohs(target.sin_port)); }

static void invite(int index) {
  char body[400], uri[200];
  Call *call = calls + index;
  snprintf(body, sizeof body,
           "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8 101\r\n"
           "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n",
           host, host, call->port);
  line_uri(uri, sizeof uri);
  request(index, "INVITE", uri, body);
  call->resend = seconds() + T1 * (1 << call->invites++);
}

static void dial(int index) {
  Call *call = calls + index;
  struct sockaddr_in any = {.sin_family = AF_INET};
  socklen_t size = sizeof any;
  int on = 1;
  call->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  inet_pton(AF_INET, host, &any.sin_addr);
  if (call->fd < 0 || bind(call->fd, (struct sockaddr *)&any, sizeof any)) { perror("phone"); exit(1); }
  getsockname(call->fd, (struct sockaddr *)&any, &size);
  setsockopt(call->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  call->port = ntohs(any.sin_port);
  snprintf(call->to, sizeof call->to, "<sip:%s@%s:%d>", user, host, ntohs(target.sin_port));
  call->state = INVITED;
  call->began = seconds();
  call->sequence = index * 40503; /* all over the range, as real ones: nobody's habits are to meet */
  invite(index);
}

static const char *header(const char *text, const char *name) {
  for (const char *line = strstr(text, "\r\n"); line; line = strstr(line + 2, "\r\n"))
    if (!strncasecmp(line + 2, name, strlen(name))) return line + 2 + strlen(name);
  return NULL;
}

static void copy_line(char *out, size_t room, const char *from, const char *stop) {
  while (*from == ' ') from++;
  size_t length = strcspn(from, stop);
  if (length >= room) length = room - 1;
  memcpy(out, from, length);
  out[length] = 0;
}

static void say_goodbye(int index) {
  Call *call = calls + index;
  double pause = T1 * (1 << (call->sends < 3 ? call->sends : 3));
  call->sends++;
  call->resend = seconds() + (pause < T2 ? pause : T2);
  request(index, "BYE", call->contact, "");
}

static void leave(int index) {
  Call *call = calls + index;
  if (call->state != UP) return;
  call->state = LEAVING;
  call->sends = 0;
  call->left = seconds();
  say_goodbye(index);
}

/* `status` is that of a refusal, else 0. */
static void fail(int index, int kind, int status) {
  Call *call = calls + index;
  if (failed++ < TOLD)
    fprintf(stderr, "call %d: %s (status %d), %.3f s after the first of %d INVITEs\n", index, KIND[kind], status,
            seconds() - call->began, call->invites);
  failures[kind]++;
  if (kind == REFUSED) refusals[status]++;
}

static void finish(int index, int kind, int status) {
  Call *call = calls + index;
  if (call->state == OVER) return;
  call->state = OVER;
  over++;
  if (!kind && !churn && !call->packets) kind = NO_SOUND;
  if (kind) fail(index, kind, status);
  if (call->fd >= 0) close(call->fd);
  call->fd = -1;
}

static void answered(int index, const char *text) {
  Call *call = calls + index;
  const char *line = header(text, "To:"), *media = strstr(text, "m=audio ");
  const char *contact = header(text, "Contact:"), *open = contact ? strchr(contact, '<') : NULL;
  if (line && !call->left) copy_line(call->to, sizeof call->to, line, "\r");
  if (open && !call->left) copy_line(call->contact, sizeof call->contact, open + 1, ">");
  if (call->state == INVITED && line && open && media) {
    struct sockaddr_in peer = target;
    peer.sin_port = htons(atoi(media + 8));
    connect(call->fd, (struct sockaddr *)&peer, sizeof peer);
    add(&answers, seconds() - call->began);
    call->state = UP;
    up++;
  }
  request(index, "ACK", call->contact, "");
  if (call->state == INVITED) finish(index, WRONG_ANSWER, 0);
  if (call->state == OVER && !call->left) request(index, "BYE", call->contact, ""); /* nobody is there any more */
  if (churn) leave(index);
}

static void refused(int index, const char *text, int status) {
  Call *call = calls + index;
  const char *line = header(text, "To:");
  char uri[200];
  if (line) copy_line(call->to, sizeof call->to, line, "\r");
  line_uri(uri, sizeof uri);
  request_in(index, "INVITE", "ACK", uri, "");
  finish(index, status < STATUSES ? REFUSED : WRONG_ANSWER, status);
}

static void hung_up(const char *text, int index, struct sockaddr_in *from) {
  char reply[1500], part[400];
  int length = snprintf(reply, sizeof reply, "SIP/2.0 200 OK\r\n");
  const char *names[] = {"Via:", "From:", "To:", "Call-ID:", "CSeq:"};
  for (int i = 0; i < 5; i++) {
    const char *value = header(text, names[i]);
    if (!value) return;
    copy_line(part, sizeof part, value, "\r");
    length += snprintf(reply + length, sizeof reply - length, "%s %s\r\n", names[i], part);
  }
  length += snprintf(reply + length, sizeof reply - length, "Content-Length: 0\r\n\r\n");
  sendto(sip, reply, length, 0, (struct sockaddr *)from, sizeof *from);
  finish(index, HUNG_UP_ON, 0); /* nobody but us is to hang up here */
}

static void read_sip(void) {
  static char text[8000];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  for (int n = 0; n < 64; n++) {
    ssize_t length = recvfrom(sip, text, sizeof text - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (length <= 0) return;
    text[length] = 0;
    const char *id = header(text, "Call-ID:"), *cseq = header(text, "CSeq:");
    if (!id || !cseq) continue;
    int index = atoi(id);
    if (index < 0 || index >= total) continue;
    if (strncmp(text, "SIP/2.0 ", 8)) {
      if (!strncmp(text, "BYE ", 4)) hung_up(text, index, &from);
      continue;
    }
    int code = atoi(text + 8);
    if (strstr(cseq, "BYE") && strstr(cseq, "BYE") < cseq + 20) {
      if (code >= 200) finish(index, code < 300 ? FINE : BYE_REFUSED, code);
    } else if (code >= 300) {
      refused(index, text, code);
    } else if (code >= 200) {
      answered(index, text);
    } else if (calls[index].state == INVITED) {
      calls[index].rang = 1;
      calls[index].resend = calls[index].began + ANSWER_LIMIT;
    }
  }
}

static void resend(int index, double now) {
  Call *call = calls + index;
  if ((call->state != INVITED && call->state != LEAVING) || now < call->resend) return;
  if (call->state == LEAVING) {
    if (now - call->left > BYE_LIMIT) return finish(index, BYE_UNANSWERED, 0);
    return say_goodbye(index);
  }
  if (now - call->began >= ANSWER_LIMIT) return finish(index, call->rang ? RANG_ONLY : UNANSWERED, 0);
  invite(index);
}

static void talk(int index, double now) {
  Call *call = calls + index;
  unsigned char packet[172] = {0x80, 8};
  int length = 172;
  if (call->press_at && now >= call->press_at) {
    call->press_at = 0;
    call->pressing = KEY_PACKETS + KEY_ENDS;
    call->key_timestamp = call->timestamp;
    call->sent_key = now;
    call->wants_prompt = call->heard || speech;
    waiting += call->wants_prompt;
  }
  uint32_t stamp = call->timestamp;
  if (call->pressing) {
    int step = KEY_PACKETS + KEY_ENDS - call->pressing--;
    int held = 160 * (step < KEY_PACKETS ? step + 1 : KEY_PACKETS);
    stamp = call->key_timestamp;
    length = 16;
    packet[1] = EVENT | (step ? 0 : 0x80);
    packet[12] = 1;
    packet[13] = 10 | (step >= KEY_PACKETS ? 0x80 : 0);
    packet[14] = held >> 8;
    packet[15] = held;
  } else {
    memset(packet + 12, 0xD5, 160);
  }
  *(uint16_t *)(packet + 2) = htons(call->sequence++);
  *(uint32_t *)(packet + 4) = htonl(stamp);
  *(uint32_t *)(packet + 8) = htonl(index + 1);
  call->timestamp += 160;
  if (send(call->fd, packet, length, 0) < 0) return;
}

static int silent(unsigned char value) { return value == 0xD5 || value == 0x55 || value == 0xFF || value == 0x7F; }

static void note(Call *call, const unsigned char *packet, double at) {
  uint32_t timestamp = ntohl(*(const uint32_t *)(packet + 4));
  unsigned char sound = packet[12 + 40];
  if (measuring && at >= measured_from) {
    received++;
    if (call->packets++) {
      double step = (int32_t)(timestamp - call->heard_timestamp) / 8000.0;
      double error = at - call->arrived - step;
      add(&pacing, error < 0 ? -error : error);
      expected_jumps += step > 0.021 || step < 0.019;
    }
    /* We mark a prompt's first packet; others are known by a sound that is not the last prompt's. */
    if (call->wants_prompt && (speech ? packet[1] >> 7 : !silent(sound) && sound != call->prompt)) {
      call->wants_prompt = 0;
      waiting--;
      add(&prompts, at - call->sent_key);
    }
  }
  if (!silent(sound)) { call->prompt = sound; call->heard = 1; }
  call->arrived = at;
  call->heard_timestamp = timestamp;
}

/* Read what has come since the last time. */
static void hear(int index) {
  static unsigned char packets[AT_ONCE][LARGEST];
  static char controls[AT_ONCE][CONTROL];
  struct iovec parts[AT_ONCE];
  struct mmsghdr messages[AT_ONCE];
  Call *call = calls + index;
  int got = call->fd < 0 ? 0 : AT_ONCE;
  while (got == AT_ONCE) {
    for (int i = 0; i < AT_ONCE; i++) {
      parts[i] = (struct iovec){packets[i], LARGEST};
      messages[i].msg_hdr = (struct msghdr){.msg_iov = parts + i, .msg_iovlen = 1, .msg_control = controls[i], .msg_controllen = CONTROL};
    }
    got = recvmmsg(call->fd, messages, AT_ONCE, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++) {
      struct cmsghdr *first = CMSG_FIRSTHDR(&messages[i].msg_hdr);
      if (messages[i].msg_len < 12 + 80 || !first) continue;
      struct timespec *stamp = (struct timespec *)CMSG_DATA(first);
      note(call, packets[i], stamp->tv_sec + stamp->tv_nsec * 1e-9);
    }
  }
}

static void poll_once(int timer, long *tick) {
  struct epoll_event events[512];
  int count = epoll_wait(poller, events, 512, 50);
  for (int i = 0; i < count; i++) {
    uint32_t mark = events[i].data.u32;
    if (mark == MARK_SIP) { read_sip(); continue; }
    uint64_t due;
    if (read(timer, &due, sizeof due) != sizeof due) continue;
    while (oldest < dialled && calls[oldest].state == OVER) oldest++; /* those of a long soak take no time */
    if (due > 100) due = 100;
    for (double now = seconds(); due--; ++*tick)
      for (int index = oldest + (*tick + SLOTS - oldest % SLOTS) % SLOTS; index < dialled; index += SLOTS) {
        if (calls[index].state == UP && !churn) { hear(index); talk(index, now); }
        else resend(index, now);
      }
  }
}

static void tell_failures(void) {
  const char *between = "";
  printf("\"failures\": {");
  for (int kind = REFUSED + 1; kind < KINDS; kind++, between = ", ") printf("%s\"%s\": %d", between, KIND[kind], failures[kind]);
  for (int status = 0; status < STATUSES; status++)
    if (refusals[status]) printf(", \"refused with %d\": %d", status, refusals[status]);
  printf("}, ");
}

static void say(const char *line) { puts(line); fflush(stdout); }

int main(int argc, char **argv) {
  if (argc < 7) { fprintf(stderr, "see the head of phones.c\n"); return 2; }
  host = argv[1]; user = argv[3]; total = atoi(argv[4]);
  double rate = atof(argv[5]), window = atof(argv[6]), keys = argc > 7 ? atof(argv[7]) : 0;
  speech = argc > 8; /* the prompts are speech: go by the marker */
  churn = !strcmp(argv[6], "churn");
  target.sin_family = AF_INET;
  target.sin_port = htons(atoi(argv[2]));
  inet_pton(AF_INET, host, &target.sin_addr);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  calls = calloc(total, sizeof *calls);
  for (int i = 0; i < total; i++) calls[i].fd = -1;
  poller = epoll_create1(0);
  struct sockaddr_in own = {.sin_family = AF_INET};
  socklen_t size = sizeof own;
  inet_pton(AF_INET, host, &own.sin_addr);
  sip = socket(AF_INET, SOCK_DGRAM, 0);
  int room = 8 << 20;
  setsockopt(sip, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  bind(sip, (struct sockaddr *)&own, sizeof own);
  getsockname(sip, (struct sockaddr *)&own, &size);
  local_port = ntohs(own.sin_port);
  watch(sip, MARK_SIP);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec every = {{0, 1000000}, {0, 1000000}};
  timerfd_settime(timer, 0, &every, NULL);
  watch(timer, MARK_TIMER);
  long tick = 0;
  int left = 0, phase = 0;
  double began = seconds(), settled = 0, heard_s = 0;
  if (churn) { say("window begin"); measuring = 1; }
  while (1) {
    double now = seconds();
    if (churn) {
      while (dialled < total && dialled - over < rate) dial(dialled++);
      if (over == total) break;
    } else {
      while (dialled < total && now >= began + dialled / rate) dial(dialled++);
      if (phase == 0 && dialled == total && (up + failed >= total || now > began + total / rate + ANSWER_LIMIT)) {
        phase = 1;
        settled = now + 1;
      } else if (phase == 1 && now > settled) {
        phase = 2;
        say("window begin");
        measuring = 1;
        heard_s = measured_from = now;
        settled = now + window;
      } else if (phase == 2 && now > settled) {
        say("window end");
        phase = 3;
        for (int i = 0; i < total; i++) calls[i].press_at = now + keys * i / total;
        settled = now + keys + 0.2;
      } else if (phase == 3 && now > settled && (!waiting || now > settled + PROMPT_LIMIT)) {
        for (int i = 0; i < total; i++) hear(i);
        measuring = 0;
        heard_s = now - heard_s;
        phase = 4;
        began = now;
        settled = now + total / rate + BYE_LIMIT + 1;
      } else if (phase == 4) {
        for (; left < total && now >= began + left / rate; left++) leave(left);
        if (over >= total || now > settled) break;
      }
    }
    poll_once(timer, &tick);
  }
  double took = seconds() - began;
  for (int i = 0; i < total; i++) finish(i, calls[i].state == LEAVING ? BYE_UNANSWERED : UNANSWERED, 0);
  if (churn) say("window end");
  printf("{\"calls\": %d, \"up\": %d, \"failed\": %d, \"over\": %d, \"received\": %ld, \"jumps\": %ld, \"took\": %.3f, "
         "\"heard_s\": %.3f, \"keys_unanswered\": %d, ",
         total, up, failed, over, received, expected_jumps, took, heard_s, waiting);
  tell_failures();
  tell("answer", &answers, ", ");
  tell("pacing", &pacing, ", ");
  tell("prompt", &prompts, "}\n");
  return 0;
}
