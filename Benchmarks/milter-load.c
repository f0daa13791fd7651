// SPDX-License-Identifier: Apache-2.0
// Speaks the milter protocol as Postfix does, to several milters in turn, and says how fast they answer.
//
// Usage: milter-load [-c LIST] [-t SECONDS | -n VERDICTS] [-r ROUNDS] [-d FILE] NAME=SOCKET...
//   -c 1,16,100   numbers of connections     -t 2   seconds a run     -r 5   runs, of which the median counts
//   -n 100000     a run ends after so many verdicts, the first ones included, however long they take
//   -d FILE       recipient domains, one a line (default: bench.example)
//   SOCKET        unix:/path or inet:port@address (IPv4)
// The milter's own time on the processors, for one message and a Unix socket, is read from /proc: other programs that
// run meanwhile slow all milters down and change it little.
// Each connection sends one message after the other: MAIL and RCPT in one packet, as Postfix does when MAIL is not
// replied to, then end of message. A verdict is a reply to RCPT; its time is from the write to the reply.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

enum { MAX_MILTERS = 4, MAX_LEVELS = 8, MAX_ROUNDS = 64, MAX_CONNECTIONS = 1024, MAX_DOMAINS = 1 << 20 };
enum { NEGOTIATING, AWAITING_VERDICT, AWAITING_END };

struct connection {
    int fd, phase;
    uint64_t sent;
    size_t have;
    unsigned char in[4096];
};
struct run {
    double rate, p50, p99, deferred, processor;
};

static char *domains[MAX_DOMAINS];
static size_t domain_count, next_domain;
static uint32_t *samples;
static size_t sample_count, sample_room, deferred_count;
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

static void answer(struct connection *c, char command) {
    switch (c->phase) {
    case NEGOTIATING:
        if (command != 'O') errno = EPROTO, fail("negotiation");
        send_recipient(c);
        break;
    case AWAITING_VERDICT:
        if (sample_count == sample_room) {
            sample_room = sample_room ? 2 * sample_room : 1 << 20;
            if (!(samples = realloc(samples, sample_room * sizeof *samples))) fail("memory");
        }
        samples[sample_count++] = (uint32_t)(now() - c->sent);
        deferred_count += command != 'c';
        send_end(c);
        break;
    default: send_recipient(c);
    }
}

static void receive(struct connection *c) {
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
        answer(c, command);
    }
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

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct run measure(const char *socket_name, int connections, double seconds) {
    static struct connection all[MAX_CONNECTIONS];
    struct epoll_event events[MAX_CONNECTIONS];
    int poll = epoll_create1(0);
    if (poll < 0) fail("epoll");
    for (int i = 0; i < connections; i++) {
        struct connection *c = &all[i];
        *c = (struct connection){.fd = dial(socket_name), .phase = NEGOTIATING};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll");
        unsigned char offer[17] = {0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff};
        put(c, offer, sizeof offer);
    }
    // A quarter of a second to bring threads and caches up, uncounted.
    uint64_t start = now() + (most_verdicts ? 0 : 250000000u), end = start + (uint64_t)(seconds * 1e9);
    bool counting = false;
    double processor = 0;
    sample_count = deferred_count = 0;
    for (uint64_t t = now(); most_verdicts ? sample_count < most_verdicts : t < end; t = now()) {
        if (!counting && t >= start) {
            counting = true;
            start = t;
            sample_count = deferred_count = 0;
            processor = processor_seconds(all[0].fd);
        }
        int ready = epoll_wait(poll, events, MAX_CONNECTIONS, 5000);
        if (ready <= 0) errno = ready ? errno : ETIMEDOUT, fail(socket_name);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    double took = (double)(now() - start) / 1e9;
    processor = processor_seconds(all[0].fd) - processor;
    for (int i = 0; i < connections; i++) close(all[i].fd);
    close(poll);
    if (sample_count == 0) errno = ETIMEDOUT, fail(socket_name);
    qsort(samples, sample_count, sizeof *samples, by_value);
    return (struct run){
        .rate = (double)sample_count / took,
        .p50 = samples[sample_count / 2] / 1e3,
        .p99 = samples[sample_count * 99 / 100] / 1e3,
        .deferred = (double)deferred_count / (double)sample_count,
        .processor = processor * 1e6 / (double)sample_count,
    };
}

static int by_rate(const void *a, const void *b) {
    double x = ((const struct run *)a)->rate, y = ((const struct run *)b)->rate;
    return (x > y) - (x < y);
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
    char *levels = "1,16,100", *names[MAX_MILTERS], *sockets[MAX_MILTERS];
    double seconds = 2;
    int rounds = 5, option, milters = 0;
    while ((option = getopt(argc, argv, "c:t:n:r:d:")) != -1) {
        if (option == 'c') levels = optarg;
        else if (option == 't') seconds = atof(optarg);
        else if (option == 'n') most_verdicts = strtoull(optarg, NULL, 10);
        else if (option == 'r') rounds = atoi(optarg);
        else if (option == 'd') read_domains(optarg);
        else return 64;
    }
    for (; optind < argc && milters < MAX_MILTERS; optind++, milters++) {
        names[milters] = argv[optind];
        if (!(sockets[milters] = strchr(argv[optind], '='))) return fprintf(stderr, "NAME=SOCKET, please\n"), 64;
        *sockets[milters]++ = 0;
    }
    if (milters == 0 || rounds < 1 || rounds > MAX_ROUNDS || seconds <= 0) return fprintf(stderr, "see the source\n"), 64;
    if (domain_count == 0) domains[domain_count++] = "bench.example";

    printf("%-12s %11s %12s %9s %9s %9s %9s %7s\n", "milter", "connections", "verdicts/s", "p50 us", "p99 us",
           "deferred", "cpu us", "ratio");
    levels = strdup(levels);
    for (char *level = strtok(levels, ","); level; level = strtok(NULL, ",")) {
        static struct run runs[MAX_MILTERS][MAX_ROUNDS];
        int connections = atoi(level);
        if (connections < 1 || connections > MAX_CONNECTIONS) return 64;
        // In turn, and each round in the other order, so that what else the machine does falls on all alike.
        for (int round = 0; round < rounds; round++)
            for (int k = 0; k < milters; k++) {
                int i = round % 2 ? milters - 1 - k : k;
                next_domain = 0;
                runs[i][round] = measure(sockets[i], connections, seconds);
            }
        for (int i = 0; i < milters; i++) qsort(runs[i], (size_t)rounds, sizeof runs[i][0], by_rate);
        double base = runs[0][rounds / 2].rate;
        for (int i = 0; i < milters; i++) {
            struct run *median = &runs[i][rounds / 2];
            printf("%-12s %11d %12.0f %9.1f %9.1f %8.1f%% %9.1f %7.3f\n", names[i], connections, median->rate, median->p50,
                   median->p99, 100 * median->deferred, median->processor, median->rate / base);
        }
        fflush(stdout);
    }
    return 0;
}
