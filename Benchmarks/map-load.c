// SPDX-License-Identifier: Apache-2.0
// Asks several policy maps in turn, as Postfix does, and says how fast they answer.
//
// Usage: map-load [-c LIST] [-t SECONDS] [-r ROUNDS] [-p DEPTH] [-w MS] [-m MAP] [-d FILE] NAME=SOCKET[,PID]...
//   -c 1,16,100   numbers of connections     -t 2   seconds a run     -r 5   runs, of which the median counts
//   -m postfix    name of the map            -d FILE   keys, one a line (default: bench.example)
//   -p 1          questions that a connection sends in one write, waiting for all the answers
//   -w 0          milliseconds that a connection waits after its answers before it asks again
//   SOCKET        unix:/path or inet:port@address (IPv4); PID: the server, whose use of the processor is then told
// The time of an answer is from the write to the whole reply. `ratio` is the rate of the first map over that of the one in
// the line, `cpu us` what the server's process used for an answer, `cpu ratio` that of the one in the line over the first's.
#include <arpa/inet.h>
#include <errno.h>
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

enum { MAX_MAPS = 8, MAX_ROUNDS = 64, MAX_CONNECTIONS = 1024, MAX_KEYS = 1 << 20, MAX_DEPTH = 100, LONGEST_WAIT_MS = 100000 };

struct connection {
    int fd, open;
    uint64_t sent, due;
    size_t have;
    char in[65536];
};
struct run {
    double rate, p50, p99, secure, cpu;
};

static const char *map_name = "postfix";
static int depth = 1;
static uint64_t pause_ns;
static char *keys[MAX_KEYS];
static size_t key_count, next_key;
static uint32_t *samples;
static size_t sample_count, sample_room, secure_count;

static void fail(const char *what) {
    fprintf(stderr, "map-load: %s: %s\n", what, strerror(errno));
    exit(69);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void ask(struct connection *c) {
    static char out[MAX_DEPTH * 600];
    size_t size = 0;
    for (c->open = 0; c->open < depth; c->open++) {
        const char *key = keys[next_key++ % key_count];
        size += (size_t)snprintf(out + size, 600, "%zu:%s %s,", strlen(map_name) + 1 + strlen(key), map_name, key);
    }
    c->sent = now();
    // Some octets into an empty socket buffer: a short write would be a broken server.
    if (send(c->fd, out, size, MSG_NOSIGNAL) != (ssize_t)size) fail("write");
}

static void count(struct connection *c, const char *reply) {
    if (sample_count == sample_room) {
        sample_room = sample_room ? 2 * sample_room : 1 << 20;
        if (!(samples = realloc(samples, sample_room * sizeof *samples))) fail("memory");
    }
    samples[sample_count++] = (uint32_t)(now() - c->sent);
    secure_count += !strncmp(reply, "OK secure match=", 16);
}

static void receive(struct connection *c) {
    ssize_t got = recv(c->fd, c->in + c->have, sizeof c->in - 1 - c->have, 0);
    if (got <= 0) fail("read");
    c->have += (size_t)got;
    c->in[c->have] = 0;
    char *at = c->in, *end = c->in + c->have;
    while (at < end) {
        char *colon;
        unsigned long length = strtoul(at, &colon, 10);
        if (*colon != ':') {
            if (*colon || end - at > 8) errno = EPROTO, fail("reply");
            break;
        }
        if (length > sizeof c->in / 2) errno = EPROTO, fail("reply");
        char *last = colon + 1 + length;
        if (last >= end) break;
        if (*last != ',' || c->open == 0) errno = EPROTO, fail("reply");
        count(c, colon + 1);
        c->open--;
        at = last + 1;
    }
    c->have = (size_t)(end - at);
    memmove(c->in, at, c->have);
    if (c->open > 0) return;
    if (pause_ns) c->due = now() + pause_ns;
    else ask(c);
}

// Asks on the connections whose pause is over; how long until the next, in milliseconds, or -1 if none pauses.
static int ask_due(struct connection *all, int connections) {
    uint64_t soonest = 0, t = now();
    for (int i = 0; i < connections; i++) {
        struct connection *c = &all[i];
        if (c->due && c->due <= t) c->due = 0, ask(c);
        if (c->due && (!soonest || c->due < soonest)) soonest = c->due;
    }
    return soonest ? (int)((soonest - t) / 1000000u) + 1 : -1;
}

// Seconds of processor time that a process has used; 0 for none.
static double cpu_seconds(int pid) {
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = pid > 0 ? fopen(path, "r") : NULL;
    if (!file) return 0;
    // The name in brackets may hold spaces.
    if (fgets(line, sizeof line, file) && strrchr(line, ')'))
        sscanf(strrchr(line, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
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

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct run measure(const char *socket_name, int pid, int connections, double seconds) {
    static struct connection all[MAX_CONNECTIONS];
    struct epoll_event events[MAX_CONNECTIONS];
    int poll = epoll_create1(0);
    if (poll < 0) fail("epoll");
    for (int i = 0; i < connections; i++) {
        struct connection *c = &all[i];
        c->fd = dial(socket_name);
        c->have = 0;
        c->due = 0;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll");
        ask(c);
    }
    // A quarter of a second to bring threads and caches up, uncounted.
    uint64_t start = now() + 250000000u, end = start + (uint64_t)(seconds * 1e9);
    bool counting = false;
    double used = 0;
    sample_count = secure_count = 0;
    for (uint64_t t = now(); t < end; t = now()) {
        if (!counting && t >= start) {
            counting = true;
            start = t;
            used = cpu_seconds(pid);
            sample_count = secure_count = 0;
        }
        int wait = ask_due(all, connections);
        int ready = epoll_wait(poll, events, MAX_CONNECTIONS, wait < 0 ? LONGEST_WAIT_MS : wait);
        if (ready < 0 || (ready == 0 && wait < 0)) errno = ready ? errno : ETIMEDOUT, fail(socket_name);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    double took = (double)(now() - start) / 1e9;
    used = cpu_seconds(pid) - used;
    for (int i = 0; i < connections; i++) close(all[i].fd);
    close(poll);
    if (sample_count == 0) errno = ETIMEDOUT, fail(socket_name);
    qsort(samples, sample_count, sizeof *samples, by_value);
    return (struct run){
        .rate = (double)sample_count / took,
        .p50 = samples[sample_count / 2] / 1e3,
        .p99 = samples[sample_count * 99 / 100] / 1e3,
        .secure = (double)secure_count / (double)sample_count,
        .cpu = used * 1e6 / (double)sample_count,
    };
}

static int by_rate(const void *a, const void *b) {
    double x = ((const struct run *)a)->rate, y = ((const struct run *)b)->rate;
    return (x > y) - (x < y);
}

static void read_keys(const char *path) {
    FILE *file = fopen(path, "r");
    char line[300];
    if (!file) fail(path);
    while (key_count < MAX_KEYS && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (*line) keys[key_count++] = strdup(line);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    char *levels = "1,16,100", *names[MAX_MAPS], *sockets[MAX_MAPS];
    double seconds = 2;
    int rounds = 5, option, maps = 0, pids[MAX_MAPS];
    while ((option = getopt(argc, argv, "c:t:r:p:w:m:d:")) != -1) {
        if (option == 'c') levels = optarg;
        else if (option == 't') seconds = atof(optarg);
        else if (option == 'r') rounds = atoi(optarg);
        else if (option == 'p') depth = atoi(optarg);
        else if (option == 'w') pause_ns = (uint64_t)atoi(optarg) * 1000000u;
        else if (option == 'm') map_name = optarg;
        else if (option == 'd') read_keys(optarg);
        else return 64;
    }
    for (; optind < argc && maps < MAX_MAPS; optind++, maps++) {
        names[maps] = argv[optind];
        if (!(sockets[maps] = strchr(argv[optind], '='))) return fprintf(stderr, "NAME=SOCKET, please\n"), 64;
        *sockets[maps]++ = 0;
        char *comma = strchr(sockets[maps], ',');
        pids[maps] = comma ? atoi(comma + 1) : 0;
        if (comma) *comma = 0;
    }
    if (maps == 0 || depth < 1 || depth > MAX_DEPTH || rounds < 1 || rounds > MAX_ROUNDS || seconds <= 0) return fprintf(stderr, "see the source\n"), 64;
    if (key_count == 0) keys[key_count++] = "bench.example";

    printf("%d question%s a write\n", depth, depth > 1 ? "s" : "");
    printf("%-14s %11s %12s %9s %9s %8s %8s %8s %9s\n", "map", "connections", "answers/s", "p50 us", "p99 us", "secure",
           "ratio", "cpu us", "cpu ratio");
    levels = strdup(levels);
    for (char *level = strtok(levels, ","); level; level = strtok(NULL, ",")) {
        static struct run runs[MAX_MAPS][MAX_ROUNDS];
        int connections = atoi(level);
        if (connections < 1 || connections > MAX_CONNECTIONS) return 64;
        // In turn, and each round in the other order, so that what else the machine does falls on all alike.
        for (int round = 0; round < rounds; round++)
            for (int k = 0; k < maps; k++) {
                int i = round % 2 ? maps - 1 - k : k;
                next_key = 0;
                runs[i][round] = measure(sockets[i], pids[i], connections, seconds);
            }
        for (int i = 0; i < maps; i++) qsort(runs[i], (size_t)rounds, sizeof runs[i][0], by_rate);
        struct run *first = &runs[0][rounds / 2];
        for (int i = 0; i < maps; i++) {
            struct run *median = &runs[i][rounds / 2];
            printf("%-14s %11d %12.0f %9.1f %9.1f %7.1f%% %8.2f %8.2f %9.2f\n", names[i], connections, median->rate,
                   median->p50, median->p99, 100 * median->secure, first->rate / median->rate, median->cpu,
                   first->cpu > 0 ? median->cpu / first->cpu : 0);
        }
        fflush(stdout);
    }
    return 0;
}
