// SPDX-License-Identifier: Apache-2.0
// A milter that lets every recipient pass, with the negotiation of sts-milter: the most that libmilter can do.
// Usage: noop-milter SOCKET
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

static sfsistat negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
                          unsigned long *wanted_actions, unsigned long *wanted_steps, unsigned long *w2,
                          unsigned long *w3) {
    *wanted_actions = actions & (SMFIF_SETSYMLIST | SMFIF_QUARANTINE);
    *wanted_steps = steps & (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY |
                             SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_MAIL);
    *w2 = *w3 = 0;
    if (actions & SMFIF_SETSYMLIST) {
        smfi_setsymlist(ctx, SMFIM_ENVFROM, "i {daemon_port}");
        smfi_setsymlist(ctx, SMFIM_ENVRCPT, "i {rcpt_mailer} {rcpt_host}");
        smfi_setsymlist(ctx, SMFIM_EOM, "i");
    }
    return SMFIS_CONTINUE;
}

static sfsistat mail(SMFICTX *ctx, char **argv) { return SMFIS_NOREPLY; }

static sfsistat recipient(SMFICTX *ctx, char **argv) { return SMFIS_CONTINUE; }

static sfsistat end(SMFICTX *ctx) { return SMFIS_CONTINUE; }

int main(int argc, char **argv) {
    struct smfiDesc milter = {
        .xxfi_name = "noop-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_SETSYMLIST | SMFIF_QUARANTINE,
        .xxfi_envfrom = mail,
        .xxfi_envrcpt = recipient,
        .xxfi_eom = end,
        .xxfi_negotiate = negotiate,
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
        return 64;
    }
    if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(milter) != MI_SUCCESS ||
        smfi_opensocket(true) != MI_SUCCESS) {
        fprintf(stderr, "%s: cannot listen at %s\n", argv[0], argv[1]);
        return 69;
    }
    return smfi_main() == MI_SUCCESS ? 0 : 70;
}
