dnl The policy map of sts-milter for Sendmail 8.16 and later, built with _FFR_MTA_STS as that of Debian is. Put the
dnl lines at the end of this file into sendmail.mc, before its MAILER lines, or copy the file to /etc/mail/ and write
dnl there
dnl     include(`/etc/mail/sts-milter-map.m4')dnl
dnl Then rebuild sendmail.cf, see what is missing with "sts-milter check-mta sendmail", and restart Sendmail. It goes
dnl with sts-milter.m4, the milter.
dnl
dnl In /etc/sts-milter/sts-milter.toml, before that:
dnl     [policy_map]
dnl     socket = "unix:/run/sts-milter/map.sock"
dnl
dnl At each delivery Sendmail asks what holds for the domain, and passes over MX hosts that do not conform. While
dnl sts-milter is down, mail waits in the queue. The FEATURE is in contrib/sendmail/feature/sts_milter.m4: copy that file
dnl to /usr/share/sendmail/cf/feature/. It takes the place of Sendmail's own FEATURE(`sts'), which refuses all wildcard
dnl certificates.
dnl TCP instead: inet:8461@127.0.0.1 here, and socket = "inet:8461@127.0.0.1" there. Any local user may ask, and take
dnl connections.
dnl To look at it: sendmail -bt, and there: /map sts example.org
dnl
dnl confCACERT, confCACERT_PATH: without them no certificate can be verified, and mail to every domain with an enforce
dnl policy would wait. Leave these lines out where sendmail.mc has them.
dnl DANE: a Sendmail built with it looks at TLSA records by itself and puts them first, with
dnl     define(`confDANE', `true')dnl
dnl and a validating resolver on this machine in /etc/resolv.conf. Debian 12 builds it without: there Sendmail does not
dnl start with that line. "sendmail -d0.13 -bv root" lists DANE among its compile options where it is built in.
define(`confCACERT', `/etc/ssl/certs/ca-certificates.crt')dnl
define(`confCACERT_PATH', `/etc/ssl/certs')dnl
FEATURE(`sts_milter', `local:/run/sts-milter/map.sock')dnl
