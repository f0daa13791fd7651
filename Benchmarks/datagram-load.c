// SPDX-License-Identifier: Apache-2.0
// Sends datagrams as libtlsrpt does, or takes them and does nothing more.
//
// Usage: datagram-load receive SOCKET                            until SIGTERM
//        datagram-load send SOCKET COUNT [RATE [PAYLOADS [DOMAINS]]]
//   RATE      datagrams a second, without waiting for room, as Postfix sends; 0 (default): as fast as room comes
//   PAYLOADS  how many of them differ (default 2000)
//   DOMAINS   how many domains they are of (default 1000); of each there are good sessions and failed ones
// Both print what they did: "received N", "sent N lost N seconds S".
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_DATAGRAM = 212960, DOMAINS = 1000 };
static volatile sig_atomic_t stopping;
static int receiver;

static void fail(const char *what) {
    fprintf(stderr, "datagram-load: %s: %s\n", what, strerror(errno));
    exit(69);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// A wait for datagrams ends, also one that has not begun yet.
static void stop(int signal) {
    (void)signal;
    stopping = 1;
    shutdown(receiver, SHUT_RD);
}

static int receive(const struct sockaddr_un *address) {
    static char buffer[MAX_DATAGRAM];
    receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
    unlink(address->sun_path);
    if (receiver < 0 || bind(receiver, (const struct sockaddr *)address, sizeof *address)) fail("bind");
    signal(SIGTERM, stop);
    uint64_t count = 0;
    for (;;) {
        ssize_t size = recv(receiver, buffer, sizeof buffer, stopping ? MSG_DONTWAIT : 0);
        if (size > 0)
            count++;
        else if (size < 0 && stopping && errno != EINTR)
            break;
    }
    printf("received %llu\n", (unsigned long long)count);
    unlink(address->sun_path);
    return 0;
}

static size_t payload(char *out, size_t room, unsigned long number, unsigned long domains) {
    unsigned long domain = number % domains;
    // By turns where no domain comes twice.
    int failed = (domains > DOMAINS ? number : number / domains) % 2;
    size_t size = (size_t)snprintf(
        out, room,
        "{\"dpv\": \"1\",\"d\": \"d%lu.example\",\"pr\": \"v=TLSRPTv1; rua=mailto:r%lu@d%lu.example\",\"policies\":["
        "{\"policy-type\":2,\"policy-domain\": \"d%lu.example\",\"policy-string\":[\"version: STSv1\",\"mode: enforce\","
        "\"mx: mx1.d%lu.example\",\"mx: mx2.d%lu.example\",\"max_age: 604800\"],"
        "\"mx-host\":[\"mx1.d%lu.example\",\"mx2.d%lu.example\"]",
        domain, number, domain, domain, domain, domain, domain, domain);
    if (failed)
        size += (size_t)snprintf(
            out + size, room - size,
            ",\"failure-details\":[{\"c\":%d,\"s\": \"192.0.2.10\",\"n\": \"mx1.d%lu.example\","
            "\"h\": \"250-mx1.d%lu.example\\r\\n250-PIPELINING\\r\\n250-SIZE 10485760\\r\\n250 STARTTLS\","
            "\"r\": \"203.0.113.%lu\",\"f\": \"self-signed_certificate\"}],\"t\":1,\"f\":1}]}",
            (int)(201 + domain % 5), domain, domain, domain % 250);
    else
        size += (size_t)snprintf(out + size, room - size, ",\"t\":0,\"f\":0}]}");
    return size;
}

static int send_all(const struct sockaddr_un *address, unsigned long count, double rate, unsigned long payloads,
                    unsigned long domains) {
    static char one[4096];
    char **made = calloc(payloads, sizeof *made);
    size_t *sizes = calloc(payloads, sizeof *sizes);
    if (!made || !sizes) fail("memory");
    for (unsigned long i = 0; i < payloads; i++) {
        sizes[i] = payload(one, sizeof one, i, domains);
        if (!(made[i] = malloc(sizes[i]))) fail("memory");
        memcpy(made[i], one, sizes[i]);
    }
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (s < 0) fail("socket");
    unsigned long lost = 0;
    double start = now();
    for (unsigned long i = 0; i < count; i++) {
        if (rate > 0) {
            double wait = start + (double)i / rate - now();
            struct timespec pause = {.tv_nsec = (long)(wait * 1e9)};
            if (wait > 0) nanosleep(&pause, NULL);
        }
        unsigned long which = i % payloads;
        // Good sessions four times as often as failed ones.
        if (payloads == 2 * DOMAINS) which = i % DOMAINS + (i / DOMAINS % 5 == 4 ? DOMAINS : 0);
        if (sendto(s, made[which], sizes[which], rate > 0 ? MSG_DONTWAIT : 0, (const struct sockaddr *)address,
                   sizeof *address) < 0) {
            if (errno != EAGAIN) fail("sendto");
            lost++;
        }
    }
    printf("sent %lu lost %lu seconds %.6f\n", count - lost, lost, now() - start);
    return 0;
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc < 3 || strlen(argv[2]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: datagram-load receive SOCKET | send SOCKET COUNT [RATE [PAYLOADS [DOMAINS]]]\n");
        return 64;
    }
    strcpy(address.sun_path, argv[2]);
    if (!strcmp(argv[1], "receive")) return receive(&address);
    return send_all(&address, strtoul(argv[3], NULL, 10), argc > 4 ? atof(argv[4]) : 0,
                    argc > 5 ? strtoul(argv[5], NULL, 10) : 2 * DOMAINS, argc > 6 ? strtoul(argv[6], NULL, 10) : DOMAINS);
}
