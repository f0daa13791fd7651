dnl sts-milter for Sendmail 8.14 and later. Put the INPUT_MAIL_FILTER line at the end of this file into sendmail.mc,
dnl before its MAILER lines, or copy the file to /etc/mail/ and write there
dnl     include(`/etc/mail/sts-milter.m4')dnl
dnl Then rebuild sendmail.cf and restart Sendmail. Filters are asked in the order of their lines: those that turn mail
dnl away come first.
dnl
dnl F= says what happens to mail while sts-milter is down:
dnl     F=T      clients are asked to come back; nothing passes unguarded
dnl     no F=    mail goes on, unguarded
dnl T= are the times that Sendmail waits, written out as they are by default; R is the one for a reply. sts-milter
dnl answers a recipient within milter.lookup_wait, 3 s as delivered.
dnl
dnl Macros need no setting: sts-milter asks for those it needs when it connects ({rcpt_mailer}, {rcpt_host}, the queue
dnl id, and for rules {daemon_name}, {daemon_port}, {client_addr}, {auth_authen}), whatever confMILTER_MACROS_* say.
dnl
dnl In /etc/sts-milter/sts-milter.toml, before that:
dnl     [milter]
dnl     socket = "unix:/run/sts-milter/milter.sock"
dnl
dnl A Unix socket keeps other local users away. TCP instead: S=inet:8890@127.0.0.1 here, with the built-in milter.socket.
INPUT_MAIL_FILTER(`sts-milter', `S=local:/run/sts-milter/milter.sock, F=T, T=C:5m;S:10s;R:10s;E:5m')dnl
