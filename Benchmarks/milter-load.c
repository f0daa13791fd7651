// SPDX-License-Identifier: Apache-2.0
// Speaks the milter protocol as Postfix does, to several milters in turn, and says how fast they answer.
//
// Usage: milter-load [-c LIST] [-t SECONDS | -n VERDICTS] [-r ROUNDS] [-d FILE] NAME=SOCKET...
//   -c 1,16,100   numbers of connections     -t 0.2  seconds a milter has in a round     -r 50  rounds
//   -n 100000     a turn ends after so many verdicts, the first ones included, however long they take
//   -d FILE       recipient domains, one a line (default: bench.example)
//   SOCKET        unix:/path or inet:port@address (IPv4)
// What else the machine does changes within seconds by more than milters differ. So they have short turns, one right
// after the other, and their rates are compared within each round: the ratio is the median over the rounds, and stands
// between low and high with 95 % confidence (order statistics). Name the first milter twice, and the second line says
// what a ratio of 1 looks like.
// The milter's own time on the processors, for one message and a Unix socket, is read from /proc: other programs that
// run meanwhile slow all milters down and change it little.
// Each connection sends one message after the other: MAIL and RCPT in one packet, as Postfix does when MAIL is not
// replied to, then end of message. A verdict is a reply to RCPT; its time is from the write to the reply.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_MILTERS = 4, MAX_ROUNDS = 4096, MAX_CONNECTIONS = 1024, MAX_DOMAINS = 1 << 20 };
enum { NEGOTIATING, AWAITING_VERDICT, AWAITING_END, IDLE };

struct connection {
    int fd, phase;
    bool rested;
    uint64_t sent;
    size_t have;
    unsigned char in[4096];
};
// What one milter was asked on one level, over all its turns.
struct milter {
    const char *name, *socket;
    struct connection *connections;
    int poll;
    uint32_t *samples;
    size_t sample_count, sample_room, deferred, verdicts, all_verdicts;
    double rates[MAX_ROUNDS], processor;
};

static char *domains[MAX_DOMAINS];
static size_t domain_count, next_domain;
static uint64_t message_number, most_verdicts;

static void fail(const char *what) {
    fprintf(stderr, "milter-load: %s: %s\n", what, strerror(errno));
    exit(69);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// A packet: length, command, then strings that each end with NUL. The end of the list is NULL.
static size_t packet(unsigned char *out, char command, char macro_of, const char *const *strings) {
    size_t at = 5;
    out[4] = (unsigned char)command;
    if (macro_of) out[at++] = (unsigned char)macro_of;
    for (; *strings; strings++) {
        size_t length = strlen(*strings) + 1;
        memcpy(out + at, *strings, length);
        at += length;
    }
    uint32_t length = htonl((uint32_t)(at - 4));
    memcpy(out, &length, 4);
    return at;
}

static void put(struct connection *c, const unsigned char *bytes, size_t size) {
    // Some hundred bytes into an empty socket buffer: a short write would be a broken milter.
    if (send(c->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) fail("write");
}

static void send_recipient(struct connection *c) {
    unsigned char out[4096];
    char address[300];
    const char *domain = domains[next_domain++ % domain_count];
    snprintf(address, sizeof address, "<user@%s>", domain);
    size_t at = packet(out, 'D', 'M', (const char *[]){"{daemon_port}", "25", NULL});
    at += packet(out + at, 'M', 0, (const char *[]){"<sender@bench.example>", "SIZE=1000", NULL});
    at += packet(out + at, 'D', 'R', (const char *[]){"{rcpt_mailer}", "smtp", "{rcpt_host}", domain, NULL});
    at += packet(out + at, 'R', 0, (const char *[]){address, NULL});
    c->phase = AWAITING_VERDICT;
    c->sent = now();
    put(c, out, at);
}

static void send_end(struct connection *c) {
    unsigned char out[256];
    char queue_id[32];
    snprintf(queue_id, sizeof queue_id, "4B%010llX", (unsigned long long)++message_number);
    size_t at = packet(out, 'D', 'E', (const char *[]){"i", queue_id, NULL});
    at += packet(out + at, 'E', 0, (const char *[]){NULL});
    c->phase = AWAITING_END;
    put(c, out, at);
}

static void note(struct milter *m, uint32_t took, bool deferred) {
    if (m->sample_count == m->sample_room) {
        m->sample_room = m->sample_room ? 2 * m->sample_room : 1 << 20;
        if (!(m->samples = realloc(m->samples, m->sample_room * sizeof *m->samples))) fail("memory");
    }
    m->samples[m->sample_count++] = took;
    m->deferred += deferred;
}

// True where the connection has nothing under way any more.
static bool answer(struct milter *m, struct connection *c, char command, bool goes_on) {
    switch (c->phase) {
    case NEGOTIATING:
        if (command != 'O') errno = EPROTO, fail("negotiation");
        break;
    case AWAITING_VERDICT:
        // libmilter takes long to give a connection that rested to a thread again: that is not timed.
        if (!c->rested) note(m, (uint32_t)(now() - c->sent), command != 'c');
        c->rested = false;
        m->verdicts++;
        send_end(c);
        return false;
    }
    if (goes_on) send_recipient(c);
    else c->phase = IDLE;
    return !goes_on;
}

static bool receive(struct milter *m, struct connection *c, bool goes_on) {
    bool rests = false;
    ssize_t got = recv(c->fd, c->in + c->have, sizeof c->in - c->have, 0);
    if (got <= 0) fail("read");
    c->have += (size_t)got;
    while (c->have >= 4) {
        uint32_t length;
        memcpy(&length, c->in, 4);
        length = ntohl(length);
        if (length == 0 || length > sizeof c->in - 4) errno = EPROTO, fail("reply");
        if (c->have < 4 + length) break;
        char command = (char)c->in[4];
        c->have -= 4 + length;
        memmove(c->in, c->in + 4 + length, c->have);
        rests = answer(m, c, command, goes_on);
    }
    return rests;
}

static int dial(const char *socket_name) {
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in inet;
    } address = {0};
    socklen_t size;
    unsigned port;
    char host[64];
    if (sscanf(socket_name, "inet:%u@%63s", &port, host) == 2) {
        address.inet.sin_family = AF_INET;
        address.inet.sin_port = htons((uint16_t)port);
        if (inet_pton(AF_INET, host, &address.inet.sin_addr) != 1) errno = EINVAL, fail(socket_name);
        size = sizeof address.inet;
    } else {
        const char *path = strncmp(socket_name, "unix:", 5) ? socket_name : socket_name + 5;
        address.local.sun_family = AF_UNIX;
        snprintf(address.local.sun_path, sizeof address.local.sun_path, "%s", path);
        size = sizeof address.local;
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, &address.any, size)) fail(socket_name);
    return fd;
}

// Seconds that the process at the other end has had the processors; 0 where the socket does not tell.
static double processor_seconds(int fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    char path[64], text[1024], *rest;
    unsigned long user, system;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.pid <= 0) return 0;
    snprintf(path, sizeof path, "/proc/%d/stat", peer.pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    // The name in parentheses may hold anything; utime and stime are the 12th and 13th fields after it.
    if (!(rest = strrchr(text, ')'))) return 0;
    if (sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

// Waits until no connection of this milter has anything under way. Each that has an answer goes on, until the end or,
// where a number of verdicts is given, until so many have come or are under way.
// Returns how many verdicts there were by the end.
static size_t until_idle(struct milter *m, int busy, uint64_t end, size_t verdicts) {
    struct epoll_event events[MAX_CONNECTIONS];
    size_t counted = 0;
    while (busy > 0) {
        int ready = epoll_wait(m->poll, events, MAX_CONNECTIONS, 5000);
        if (ready <= 0) errno = ready ? errno : ETIMEDOUT, fail(m->socket);
        bool goes_on = verdicts ? m->verdicts + (size_t)busy < verdicts : now() < end;
        for (int i = 0; i < ready; i++) busy -= receive(m, events[i].data.ptr, goes_on);
        if (goes_on) counted = m->verdicts;
    }
    return verdicts ? m->verdicts : counted;
}

static void open_connections(struct milter *m, int count) {
    if (!(m->connections = calloc((size_t)count, sizeof *m->connections))) fail("memory");
    if ((m->poll = epoll_create1(0)) < 0) fail("epoll");
    for (int i = 0; i < count; i++) {
        struct connection *c = &m->connections[i];
        *c = (struct connection){.fd = dial(m->socket), .phase = NEGOTIATING};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(m->poll, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll");
        unsigned char offer[17] = {0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff};
        put(c, offer, sizeof offer);
    }
    until_idle(m, count, 0, 0);
}

static void close_connections(struct milter *m, int count) {
    for (int i = 0; i < count; i++) close(m->connections[i].fd);
    close(m->poll);
    free(m->connections);
}

// One turn: verdicts a second until its end. What is under way then is waited for and not counted.
static double turn(struct milter *m, int connections, double seconds) {
    double processor = processor_seconds(m->connections[0].fd);
    uint64_t start = now(), end = start + (uint64_t)(seconds * 1e9);
    m->verdicts = 0;
    for (int i = 0; i < connections; i++) {
        m->connections[i].rested = !most_verdicts;
        send_recipient(&m->connections[i]);
    }
    size_t counted = until_idle(m, connections, end, most_verdicts);
    double took = (double)((most_verdicts ? now() : end) - start) / 1e9;
    m->processor += processor_seconds(m->connections[0].fd) - processor;
    m->all_verdicts += m->verdicts;
    return (double)counted / took;
}

static int by_time(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_line(struct milter *m, const struct milter *base, int connections, int rounds) {
    static double ratios[MAX_ROUNDS], rates[MAX_ROUNDS];
    for (int round = 0; round < rounds; round++) {
        rates[round] = m->rates[round];
        ratios[round] = m->rates[round] / base->rates[round];
    }
    qsort(rates, (size_t)rounds, sizeof *rates, by_value);
    qsort(ratios, (size_t)rounds, sizeof *ratios, by_value);
    qsort(m->samples, m->sample_count, sizeof *m->samples, by_time);
    // The places in order between which the median lies: half the rounds, and 1.96 standard deviations to either side.
    int low = (int)floor(rounds / 2.0 - 0.98 * sqrt(rounds)), high = rounds - 1 - low;
    if (low < 0) low = 0, high = rounds - 1;
    size_t n = m->sample_count;
    printf("%-15s %11d %10.0f %8.1f %8.1f %7.1f%% %7.1f %7.3f %6.3f-%.3f\n", m->name, connections, rates[rounds / 2],
           m->samples[n / 2] / 1e3, m->samples[n * 99 / 100] / 1e3, 100 * (double)m->deferred / (double)n,
           m->processor * 1e6 / (double)m->all_verdicts, ratios[rounds / 2], ratios[low], ratios[high]);
}

static void read_domains(const char *path) {
    FILE *file = fopen(path, "r");
    char line[300];
    if (!file) fail(path);
    while (domain_count < MAX_DOMAINS && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (*line) domains[domain_count++] = strdup(line);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    static struct milter milters[MAX_MILTERS];
    char *levels = "1,16,100";
    double seconds = 0.2;
    int rounds = 50, option, count = 0;
    while ((option = getopt(argc, argv, "c:t:n:r:d:")) != -1) {
        if (option == 'c') levels = optarg;
        else if (option == 't') seconds = atof(optarg);
        else if (option == 'n') most_verdicts = strtoull(optarg, NULL, 10);
        else if (option == 'r') rounds = atoi(optarg);
        else if (option == 'd') read_domains(optarg);
        else return 64;
    }
    for (; optind < argc && count < MAX_MILTERS; optind++, count++) {
        char *socket_name = strchr(argv[optind], '=');
        if (!socket_name) return fprintf(stderr, "NAME=SOCKET, please\n"), 64;
        *socket_name++ = 0;
        milters[count] = (struct milter){.name = argv[optind], .socket = socket_name};
    }
    if (count == 0 || rounds < 1 || rounds > MAX_ROUNDS || seconds <= 0) return fprintf(stderr, "see the source\n"), 64;
    if (domain_count == 0) domains[domain_count++] = "bench.example";

    printf("%-15s %11s %10s %8s %8s %8s %7s %7s %12s\n", "milter", "connections", "verdicts/s", "p50 us", "p99 us",
           "deferred", "cpu us", "ratio", "95 %");
    levels = strdup(levels);
    for (char *level = strtok(levels, ","); level; level = strtok(NULL, ",")) {
        int connections = atoi(level);
        if (connections < 1 || connections > MAX_CONNECTIONS) return 64;
        for (int i = 0; i < count; i++) {
            open_connections(&milters[i], connections);
            // To bring threads and caches up, uncounted.
            if (!most_verdicts) turn(&milters[i], connections, 0.25);
            milters[i].sample_count = milters[i].deferred = milters[i].all_verdicts = 0;
            milters[i].processor = 0;
        }
        for (int round = 0; round < rounds; round++)
            for (int k = 0; k < count; k++) {
                // No milter is always first, and none has two turns in a row, which a warm cache makes faster.
                struct milter *m = &milters[(round + k) % count];
                m->rates[round] = turn(m, connections, seconds);
            }
        for (int i = 0; i < count; i++) {
            print_line(&milters[i], &milters[0], connections, rounds);
            close_connections(&milters[i], connections);
        }
        fflush(stdout);
    }
    return 0;
}
