// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation

/// Puts the intake of datagrams beside a receiver that does nothing and beside tlsrpt-collectd:
/// bench-intake datagrams LOAD COLLECTD FOLDER [ROUNDS]
///
/// Ours is timed until all is in the database; of the others only until the sender is rid of the last datagram.
struct DatagramBench {
    private struct Receiver {
        let name: String
        /// Datagrams sent at it with a sender that waits.
        let count: Int
        let command: [String]
        /// Whether its time is that until it has ended.
        var writesAtEnd = false
    }

    private struct Sent {
        let sent: Int, lost: Int
        let seconds: Double
    }

    private static let rates = [2500, 5000, 10_000]
    private static let secondsARate = 2

    let load: String
    let collectd: String
    let folder: String
    private var socket: String { folder + "/tlsrpt.sock" }

    func run(rounds: Int) throws {
        let bare = Receiver(name: "bare C receiver", count: 200_000, command: [load, "receive", socket])
        let database = folder + "/ledger.sqlite"
        let ours = Receiver(
            name: "sts-milter, in the ledger", count: 200_000,
            command: [CommandLine.arguments[0], "receive", socket, database], writesAtEnd: true)
        let python = Receiver(
            name: "tlsrpt-collectd", count: 60_000,
            command: [
                collectd, "--storage", "sqlite://\(folder)/collectd.sqlite", "--socketname", socket, "--socketmode",
                "0777", "--log_level", "error", "--logfilename", folder + "/collectd.log",
            ])
        print("datagrams a second, sender waits, 2000 different ones; medians of \(rounds)")
        try compare([bare, ours, python], payloads: 2000, rounds)
        print("the same, all different, of 1000 domains")
        try compare([bare, ours], payloads: bare.count, rounds)
        print("the same, all different, each of a domain of its own")
        try compare([bare, ours], payloads: bare.count, domains: bare.count, rounds)
        print("lost of those sent without waiting, \(rounds) times \(Self.secondsARate) s at each rate")
        for rate in Self.rates { try compareLosses([bare, ours, python], rate: rate, rounds) }
    }

    /// In turns, since other work on the machine comes in bursts.
    private func compareLosses(_ receivers: [Receiver], rate: Int, _ rounds: Int) throws {
        let count = rate * Self.secondsARate
        var lost = receivers.map { _ in 0 }
        for _ in 0..<rounds {
            for (index, receiver) in receivers.enumerated() {
                let (sent, received, _) = try measure(receiver, count: count, rate: rate, payloads: 2000)
                try check(receiver, received, sent.sent)
                lost[index] += sent.lost
            }
        }
        for (receiver, lost) in zip(receivers, lost) {
            let share = String(format: "%.2f%%", 100 * Double(lost) / Double(count * rounds))
            print("  \(pad("\(rate)/s", 9)) \(pad(receiver.name, 26)) \(lost) of \(count * rounds), \(share)")
        }
    }

    private func check(_ receiver: Receiver, _ received: Int?, _ sent: Int) throws {
        guard let received, received != sent else { return }
        throw Failure("\(receiver.name) has \(received) of \(sent)")
    }

    private func compare(
        _ receivers: [Receiver], payloads: Int, domains: Int = 1000, _ rounds: Int
    ) throws {
        var rates = receivers.map { _ in [Double]() }
        for _ in 0..<rounds {
            for (index, receiver) in receivers.enumerated() {
                let (sent, received, seconds) = try measure(
                    receiver, count: receiver.count, rate: 0, payloads: min(payloads, receiver.count), domains: domains)
                try check(receiver, received, sent.sent)
                rates[index].append(Double(receiver.count) / seconds)
            }
        }
        let medians = rates.map { $0.sorted()[$0.count / 2] }
        for (receiver, median) in zip(receivers, medians) {
            let ratio = String(format: "%.2f", median / medians[0])
            print("  \(pad(receiver.name, 26)) \(pad("\(Int(median))", 8)) ratio to the bare one \(ratio)")
        }
        if medians.count > 2 {
            print("  ours to tlsrpt-collectd: \(String(format: "%.2f", medians[1] / medians[2]))")
        }
    }

    /// - Returns: what was sent, what the receiver says it has (nil if it says nothing), and the seconds it took.
    private func measure(
        _ receiver: Receiver, count: Int, rate: Int, payloads: Int, domains: Int = 1000
    ) throws -> (Sent, received: Int?, seconds: Double) {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.contains(".sqlite") {
            try FileManager.default.removeItem(atPath: folder + "/" + name)
        }
        let (process, output) = try start(receiver.command)
        let deadline = Date() + 30
        while !FileManager.default.fileExists(atPath: socket) {
            guard process.isRunning, Date() < deadline else {
                throw Failure("\(receiver.name) does not start")
            }
            usleep(10_000)
        }
        usleep(200_000)
        let (sender, told) = try start([load, "send", socket, "\(count)", "\(rate)", "\(payloads)", "\(domains)"])
        sender.waitUntilExit()
        let words = try words(told)
        guard words.count == 6, let sent = Int(words[1]), let lost = Int(words[3]), let seconds = Double(words[5])
        else {
            throw Failure("the sender failed against \(receiver.name)")
        }
        let stopped = Date()
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: socket)
        let answer = try self.words(output)
        let received = answer.count > 1 ? Int(answer[1]) : nil
        guard receiver.writesAtEnd else { return (Sent(sent: sent, lost: lost, seconds: seconds), received, seconds) }
        guard received != nil, answer.count == 4, let written = Double(answer[3]) else {
            throw Failure("\(receiver.name) broke off")
        }
        let all = seconds + written - stopped.timeIntervalSince1970
        return (Sent(sent: sent, lost: lost, seconds: seconds), received, all)
    }

    private func start(_ command: [String]) throws -> (Process, Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        return (process, output)
    }

    private func words(_ output: Pipe) throws -> [String] {
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        return text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
    }
}
