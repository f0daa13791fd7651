// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Glibc
import Testing

@Suite("Tasks go on in a process that has no descriptor left")
struct DispatchMonitorTests {
    @Test("while more work waits than there are threads, for longer than libdispatch lets pass before it looks")
    func busy() async {
        await #expect(processExitsWith: .success) {
            // With its first thread libdispatch begins to look, once a second, and takes descriptors of its own for that.
            await Task.detached {}.value
            try await Task.sleep(for: .milliseconds(1500))
            let next = dup(0)
            close(next)
            let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var before = rlimit()
            #expect(getrlimit(files, &before) == 0)
            var limit = rlimit(rlim_cur: rlim_t(max(0, next) + 8), rlim_max: before.rlim_max)
            #expect(setrlimit(files, &limit) == 0)
            while dup(0) >= 0 {}
            #expect(errno == EMFILE)
            await withTaskGroup(of: Void.self) { group in
                let end = ContinuousClock.now.advanced(by: .seconds(3))
                for _ in 0..<64 {
                    group.addTask {
                        while ContinuousClock.now < end { await Task.yield() }
                    }
                }
            }
            // AddressSanitizer looks for leaks at the end, and waits for ever for a descriptor.
            #expect(setrlimit(files, &before) == 0)
        }
    }

    @Test("all other files are opened, or not, as ever")
    func others() throws {
        let directory = "/proc/self"
        for (path, flags, cause) in [
            ("/dev/null", O_RDONLY, 0), ("\(directory)/stat", O_RDONLY, 0), ("/proc/0/stat", O_RDONLY, ENOENT),
            ("/nowhere", O_RDONLY, ENOENT), (directory, O_WRONLY, EISDIR),
        ] {
            let descriptor = openForDispatch(path, flags, 0)
            #expect(descriptor >= 0 ? cause == 0 : descriptor == -1 && errno == cause, "\(path)")
            if descriptor >= 0 { close(descriptor) }
        }
        #expect(openForDispatch(nil, O_RDONLY, 0) == -1)
    }
}
