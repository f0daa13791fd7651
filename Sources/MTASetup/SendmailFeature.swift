// SPDX-License-Identifier: Apache-2.0

/// The file of FEATURE(`sts_milter'), which setup puts beside Sendmail's own.
///
/// `contrib/sendmail/feature/sts_milter.m4` is the same, to be copied by hand; a test holds it to this text. It is here so
/// that setup needs no other file than the program.
enum SendmailFeature {
    static let text = #"""
        divert(-1)dnl SPDX-License-Identifier: Apache-2.0
        dnl FEATURE(`sts_milter', `SOCKET'): the policy map of sts-milter, and certificates checked as RFC 8461 says.
        dnl For Sendmail 8.16 and later, built with _FFR_MTA_STS as that of Debian is. Copy this file to
        dnl /usr/share/sendmail/cf/feature/. SOCKET is where the map listens, as in policy_map.socket of sts-milter.toml:
        dnl local:/run/sts-milter/map.sock unless given, or inet:8461@127.0.0.1.
        dnl
        dnl It uses FEATURE(`sts'), which must not stand beside it, and differs from it in three things:
        dnl   - A certificate for *.example.net is one for mx.example.net, and not for a.mx.example.net or example.net.
        dnl     FEATURE(`sts') refuses all wildcard certificates: it strips a label and puts no star in its place.
        dnl   - For each recipient it is asked whether the certificate was verified. FEATURE(`sts') asks so for the first
        dnl     recipient of a connection; for others only whether the names match, as they do in a self-signed certificate.
        dnl   - One connection is kept open at a time, not two: Sendmail remembers the names of one certificate, that of the
        dnl     last handshake. Leave confMCI_CACHE_SIZE at 1 or 0.
        ifdef(`_MTA_STS_', `errprint(`*** ERROR: FEATURE(sts_milter) takes the place of FEATURE(sts): remove that line
        ')')
        define(`_STS_MILTER_SOCKET_', ifelse(defn(`_ARG_'), `', ``local:/run/sts-milter/map.sock'', `defn(`_ARG_')'))
        define(`confMCI_CACHE_SIZE', `1')
        dnl -d5: it waits 5 s for an answer; sts-milter answers within 4 s. -T<TMPF>: without an answer mail waits in the queue.
        FEATURE(`sts', `socket -d5 -T<TMPF> '_STS_MILTER_SOCKET_, `NO_SAN_TST')
        undefine(`_STS_SAN')

        LOCAL_CONFIG
        dnl The names of a certificate go into the class {cert_altnames}.
        O SetCertAltnames=true

        LOCAL_RULESETS
        ######################################################################
        ###  STS_SAN: is the certificate verified, and one for this host?
        ###	from sts-milter; asked for each recipient whose policy names the host
        ######################################################################
        SSTS_SAN
        R$*			$: $&{verify} $| $&{server_name}
        R$={TlsVerified} $| $*	$: $2
        R$* $| $*		$#error $@ 4.7.0 $: 450 certificate of $2 not verified
        # exact match
        R$={cert_altnames}	$@ ok
        # a wildcard stands for the left-most label, and for that one alone
        R$- . $- . $+		$: * . $2 . $3
        R$={cert_altnames}	$@ ok
        R$*			$#error $@ 4.7.0 $: 450 $&{server_name} not listed in SANs

        """#
}
