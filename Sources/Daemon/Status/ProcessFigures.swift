// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import Metrics

/// What the kernel says of this process, under the names that all programs have for it.
enum ProcessFigures {
    static func families(startedAt seconds: Int64) -> [MetricFamily] {
        var limit = rlimit()
        let hasLimit = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        return [
            .process("resident_memory_bytes", .gauge, "Resident memory.", residentOctets),
            .process("cpu_seconds", .counter, "Processor time, of user and system.", processorSeconds),
            .process("open_fds", .gauge, "Open descriptors.", openDescriptors),
            .process("max_fds", .gauge, "Most descriptors that may be open.", hasLimit ? Double(limit.rlim_cur) : nil),
            .process("start_time_seconds", .gauge, "When the process started, since 1970.", Double(seconds)),
        ]
    }

    /// The second number of /proc/self/statm, in pages. - proc(5)
    private static var residentOctets: Double? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let numbers = text.split(separator: " ")
        return numbers.count > 1 ? Double(numbers[1]).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }

    private static var processorSeconds: Double? {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return nil }
        let times = [usage.ru_utime, usage.ru_stime]
        return times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }

    private static var openDescriptors: Double? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count) }
    }
}
