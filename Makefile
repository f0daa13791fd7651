# SPDX-License-Identifier: Apache-2.0
# make demo    shows the main job on a real Postfix, on loopback
# make fleet-demo three Postfix with an sts-milter each that make one report, by a PostgreSQL
# make unit    builds, then tests the rules and the core, without the laboratory: seconds
# make test    builds and runs all tests
# make docs    the comments of all modules as pages (DocC), in .build/docs; fails where one names what is not there
# make check   format lint, warnings as errors, the import check, the comments, then the tests: before each commit
# make bench   throughput, instructions and memory, beside a milter that does nothing
# make soak    the daemon under load while faults come and go (SOAK_MINUTES=10, or SOAK_SECONDS=60)
# make fuzz    a short fuzz run of every parser (SECONDS_EACH=15)
# make link-order writes anew which functions run at a start, and links the program by that
# make tsan    the tests of all that starts threads, under ThreadSanitizer; fails if any process reports a race
# make asan    all tests under AddressSanitizer, with its leak detection; fails as well
# make install puts the program, its units, settings, manuals and completions into place (DESTDIR, PREFIX)
# make deb     a package for Debian 12 and 13, in .build/deb
# make deb-repeat makes the package again from a clone elsewhere; fails if it is another one
# make rpm     a package of the same files for a Linux with rpm, in .build/rpm; build it where it is to run
# make test-deb what that package does on a fresh Debian 12 and 13 with Postfix and with Sendmail, from installation to purge
# make test-all all tests, those of endurance in full, then what takes longer: the package on both releases, fuzzing, a short soak; before a release

PREFIX ?= /usr
DESTDIR ?=
# What takes debug information out of the program; a packager's own tools do that.
STRIP ?= -s
SWIFT ?= swift
NETNS = Tests/lab/netns
# The Swift runtime goes into the program: the machine that runs it needs no toolchain. A section for each function of the
# libraries as well: see Package.swift. Nothing of Foundation beyond FoundationEssentials, and no ICU: what needs them does
# not link (docs/performance.md). No path of the machine that built it, and no sum of debug information, which has
# some: two builds give the same octets (Linking/no-sums.ld, and no withoutActuallyEscaping).
RELEASE = -c release --static-swift-stdlib --disable-local-rpath -Xswiftc -Xfrontend -Xswiftc -function-sections \
	$(foreach part,Foundation FoundationInternationalization,\
	-Xswiftc -Xfrontend -Xswiftc -disable-autolink-library -Xswiftc -Xfrontend -Xswiftc $(part)) \
	-Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=. -Xcc -ffile-prefix-map=$(CURDIR)=. \
	-Xlinker --build-id=none
# Everything that a test or the demo starts lies in one place.
DEBUG = .build/debug

.PHONY: build release demo fleet-demo unit test check lint imports docs bench soak link-order fuzz tsan asan install deb deb-repeat rpm test-deb test-all \
	settings-example packages test-packages clean

build: packages
	$(SWIFT) build

# Installs nothing that it lacks, and says what that is.
release:
	Tests/lab/install --check build
	$(SWIFT) build $(RELEASE) --product sts-milter
	@nm $(PROGRAM) | awk '/ icudt/ { found = 1 } END { exit !NR || found }' || \
		{ echo "the tables of ICU are in the program, 30 MB: see docs/performance.md, the size of the program" >&2; exit 1; }

packages:
	Tests/lab/install build

test-packages:
	Tests/lab/install build test

demo: test-packages
	$(SWIFT) build --product sts-milter
	$(SWIFT) build --product demo
	$(NETNS) $(DEBUG)/demo

fleet-demo: test-packages
	$(SWIFT) build --product sts-milter
	$(SWIFT) build --product demo
	$(NETNS) $(DEBUG)/demo fleet

# Suites that need no other program, no network and no port of their own.
UNIT = BasicsTests|MTASTSTests|TLSRPTTests|ConcurrencyTests|CoreTests|ReportingTests|MailLogTests|ReportViewTests|SettingsTests|MTACheckTests|MTASetupTests|StatusTests

unit: packages
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --parallel --filter '^($(UNIT))\.'

test: test-packages
	Tests/lab/install sendmail postfix310
	$(SWIFT) build --build-tests
	Tests/lab/all-tests

lint:
	git ls-files '*.swift' | xargs $(SWIFT) format lint --strict --parallel

# Warnings count in our own modules only; a library's are its own.
imports: packages
	$(SWIFT) build --build-tests --explicit-target-dependency-import-check error 2>&1 | tee .build/check.log
	! grep -E '^$(CURDIR)/(Sources|Tests|CShims)/.*warning:' .build/check.log

docs: build
	docs/docc .build/docs

check: lint imports docs test

bench: test-packages
	Tests/lab/install bench
	$(SWIFT) build $(RELEASE) --product sts-milter
	$(SWIFT) build -c release --static-swift-stdlib --package-path Benchmarks --scratch-path .build-bench
	Benchmarks/run

SOAK_MINUTES ?= 10
SOAK_SECONDS ?= $$(($(SOAK_MINUTES) * 60))

soak: test-packages
	$(SWIFT) build $(RELEASE) --product sts-milter
	$(SWIFT) build -c release --static-swift-stdlib --package-path Benchmarks --scratch-path .build-bench --product soak
	STS_MILTER=$(CURDIR)/.build/release/sts-milter $(NETNS) .build-bench/release/soak $(SOAK_SECONDS)

# Of a program that has all functions, whatever order they are in now.
link-order: test-packages release
	Tests/lab/install bench
	Linking/order
	rm -f .build/release/sts-milter
	$(SWIFT) build $(RELEASE) --product sts-milter

fuzz: packages
	Fuzz/run

# Modules in which threads meet, and those whose code runs on the thread that calls it.
THREADED = ConcurrencyTests CoreTests EventsTests DNSTests SMTPTests HTTPTests PostgreSQLTests SQLiteTests ProcessesTests EventLogTests MilterTests PolicyMapTests \
	DiscoveryTests ProbeTests PreloadTests IntakeTests StoreTests FleetTests CourierTests ReportingTests MetricsTests \
	StatusPageTests DaemonTests
UNTHREADED = BasicsTests MTASTSTests TLSRPTTests MailLogTests ReportViewTests SettingsTests MTACheckTests MTASetupTests StatusTests
# Starts programs, and has none of the product's code in it.
UNSANITIZED = DocsTests
# Left out, since a sanitizer costs up to ten times the time and memory: what the daemon does with hundreds of messages or
# clients within an MTA's time, what it makes of each fault within five seconds (the run with all of them stays in), what
# `report show` does with 64 MiB by the kernel's word, which of two frames is first on a connection, and how much of the
# program's own code is in memory.
CROWDS = DaemonTests\.(LoadScenarios|MapLoadScenarios|CrowdScenarios|MapCrowdScenarios)/
TOO_DEAR = $(CROWDS)|FaultTableTests.fate|ReportShowScenarios/|HTTP2FaultTests.bodyOnce|MappedFilesTests.letGo
# AddressSanitizer takes a stack with each allocation: two hundred handshakes at a time, and 27 MB of answers.
TOO_MANY_ALLOCATIONS = HTTPTests.ConnectionTests.many|ClientsTests.slowReader

tsan: test-packages
	Tests/lab/install sendmail postfix310
	$(SWIFT) build --build-tests --sanitize thread --scratch-path .build-tsan
	Tests/lab/sanitized thread '$(THREADED)' '$(TOO_DEAR)'

asan: test-packages
	Tests/lab/install sendmail postfix310
	$(SWIFT) build --build-tests --sanitize address --scratch-path .build-asan
	Tests/lab/sanitized address '$(THREADED) $(UNTHREADED)' '$(TOO_DEAR)|$(TOO_MANY_ALLOCATIONS)'

settings-example: build
	$(DEBUG)/sts-milter config example >contrib/sts-milter.toml
	docs/settings-man <contrib/sts-milter.toml >docs/sts-milter.toml.5

# Where the parts of a staged tree lie.
LIB = $(DESTDIR)$(PREFIX)/lib
SHARE = $(DESTDIR)$(PREFIX)/share
DOC = $(SHARE)/doc/sts-milter
ZSH = $(SHARE)/zsh/vendor-completions
PROGRAM = .build/release/sts-milter

install: release
	install -D $(STRIP) -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/sbin/sts-milter
	for unit in sts-milter.service sts-milter-report.service sts-milter-report.timer; do \
		sed "s,/usr/sbin/,$(PREFIX)/sbin/," contrib/systemd/$$unit | \
			install -D -m 0644 /dev/stdin $(LIB)/systemd/system/$$unit || exit 1; \
	done
	install -D -m 0644 contrib/systemd/sts-milter.sysusers $(LIB)/sysusers.d/sts-milter.conf
	install -D -m 0644 contrib/systemd/sts-milter.tmpfiles $(LIB)/tmpfiles.d/sts-milter.conf
	[ -e $(DESTDIR)/etc/sts-milter/sts-milter.toml ] || \
		install -D -m 0644 contrib/sts-milter.toml $(DESTDIR)/etc/sts-milter/sts-milter.toml
	install -D -m 0644 docs/sts-milter.8 $(SHARE)/man/man8/sts-milter.8
	install -D -m 0644 docs/sts-milter.toml.5 $(SHARE)/man/man5/sts-milter.toml.5
	install -d $(SHARE)/bash-completion/completions $(ZSH) $(SHARE)/fish/vendor_completions.d
	$(PROGRAM) --generate-completion-script bash | sed 1d >$(SHARE)/bash-completion/completions/sts-milter
	$(PROGRAM) --generate-completion-script zsh >$(ZSH)/_sts-milter
	$(PROGRAM) --generate-completion-script fish >$(SHARE)/fish/vendor_completions.d/sts-milter.fish
	cd contrib && find optional -type f -exec install -D -m 0644 '{}' '$(abspath $(SHARE))/sts-milter/{}' ';'
	install -D -m 0755 contrib/leave-mta $(SHARE)/sts-milter/leave-mta
	find README.md CHANGELOG.md docs/*.md docs/manual contrib/README.md contrib/postfix contrib/sendmail contrib/prometheus \
		contrib/grafana -type f \
		-exec install -D -m 0644 '{}' '$(DOC)/{}' ';'

DEB = .build/deb

deb:
	Tests/lab/install --check build deb
	mkdir -p $(DEB)
	rm -f $(DEB)/*.deb
	debian/rules clean
	debian/rules binary DEB_DESTDIR=$(CURDIR)/$(DEB)
	lintian --fail-on error,warning --info $(DEB)/*.deb
	@ls -s --block-size=kB $(DEB)/*.deb && sha256sum $(DEB)/*.deb

deb-repeat:
	ls $(DEB)/*.deb >/dev/null 2>&1 || $(MAKE) deb
	Tests/lab/package-again $(DEB)/*.deb

RPM = $(CURDIR)/.build/rpm

# Its version is that of Debian's package, as the program's.
rpm:
	Tests/lab/install --check build rpm
	rm -rf $(RPM)
	$(MAKE) install DESTDIR=$(RPM)/staged ZSH='$$(SHARE)/zsh/site-functions'
	rpmbuild -bb --quiet --define '_topdir $(RPM)' --define 'staged $(RPM)/staged' --define 'sources $(CURDIR)' \
		--define "upstream_version $$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" contrib/rpm/sts-milter.spec
	rpm -qlp $(RPM)/RPMS/*/*.rpm

test-deb: test-packages
	Tests/lab/install deb
	$(SWIFT) build --product demo
	ls $(DEB)/*.deb >/dev/null 2>&1 || $(MAKE) deb
	Tests/lab/package-test bookworm $(DEB)/*.deb
	Tests/lab/package-test trixie $(DEB)/*.deb
	Tests/lab/package-test bookworm $(DEB)/*.deb sendmail
	Tests/lab/package-test trixie $(DEB)/*.deb sendmail

# One after another, since each counts on the machine; the package is built from what is there now.
test-all:
	Tests/lab/install alerts pages
	$(MAKE) test STS_LAB_ENDURANCE=1
	Tests/lab/install build deb
	$(MAKE) deb
	$(MAKE) test-deb
	$(MAKE) fuzz
	$(MAKE) soak SOAK_MINUTES=3

clean:
	rm -rf .build .build-*
