// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestKit

/// A Chromium without a window and with one page, told what to do by the Chrome DevTools Protocol over two pipes.
///
/// It belongs to one test; its calls block.
package final class Browser {
    /// What the operator's machine prefers.
    package enum Scheme: String, Sendable, CaseIterable { case light, dark }

    package static let isThere = access("/usr/bin/chromium", X_OK) == 0

    private let directory: TemporaryDirectory
    private let process: BackgroundProcess
    private let questions: FileHandle
    private let answers: FileHandle
    private var unread = Data()
    private var lastNumber = 0
    private var session: String?
    /// What the browser wrote to the page's console, and had to say of it besides, since the page was opened.
    package private(set) var complaints: [String] = []

    package init() throws {
        directory = try TemporaryDirectory("sts-browser")
        let (input, output) = (directory.path + "/questions", directory.path + "/answers")
        for path in [input, output] where mkfifo(path, 0o600) != 0 { throw LabError("no pipe \(path)") }
        process = try BackgroundProcess(
            [
                // The numbers of the protocol's pipes are fixed.
                "/bin/sh", "-c", "exec \"$@\" 3<\"$0/questions\" 4>\"$0/answers\"", directory.path, "chromium",
                // In a network of its own, and for root, it has no sandbox.
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--user-data-dir=\(directory.path)/profile",
                "--remote-debugging-pipe", "about:blank",
            ], logFile: directory.path + "/log")
        questions = try FileHandle(forWritingTo: URL(fileURLWithPath: input))
        answers = try FileHandle(forReadingFrom: URL(fileURLWithPath: output))
        let target = try call("Target.createTarget", ["url": "about:blank"])
        let attached = try call(
            "Target.attachToTarget", ["targetId": target["targetId"] ?? "", "flatten": true])
        session = attached["sessionId"] as? String
        for domain in ["Page", "Log", "Runtime", "Audits", "Accessibility"] { try call("\(domain).enable") }
    }

    deinit { process.stop() }

    /// Opens a page and waits until all of it is there.
    package func open(_ url: String, width: Int, scheme: Scheme) throws {
        complaints = []
        try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600])
        let preference = ["name": "prefers-color-scheme", "value": scheme.rawValue]
        try call("Emulation.setEmulatedMedia", ["features": [preference]])
        let gone = try call("Page.navigate", ["url": url])
        if let error = gone["errorText"] { throw LabError("\(url): \(error)") }
        while true {
            let message = try next()
            if message["method"] as? String == "Page.loadEventFired" { return }
        }
    }

    /// The value of an expression on the page, which the page's own rules for scripts do not concern.
    package func value(of expression: String) throws -> Any? {
        let answer = try call("Runtime.evaluate", ["expression": expression, "returnByValue": true])
        if let fault = answer["exceptionDetails"] { throw LabError("\(expression): \(fault)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    /// What a screen reader is given: role and name of each part.
    package func parts() throws -> [(role: String, name: String)] {
        let tree = try call("Accessibility.getFullAXTree")
        func text(_ node: [String: Any], _ key: String) -> String {
            (node[key] as? [String: Any])?["value"] as? String ?? ""
        }
        let nodes = tree["nodes"] as? [[String: Any]] ?? []
        return nodes.filter { $0["ignored"] as? Bool != true }.map { (text($0, "role"), text($0, "name")) }
    }

    /// The whole page, as PNG.
    package func picture() throws -> Data {
        let answer = try call("Page.captureScreenshot", ["captureBeyondViewport": true])
        guard let text = answer["data"] as? String, let data = Data(base64Encoded: text) else {
            throw LabError("no picture")
        }
        return data
    }

    @discardableResult
    private func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        lastNumber += 1
        var question: [String: Any] = ["id": lastNumber, "method": method, "params": parameters]
        question["sessionId"] = session
        try questions.write(contentsOf: JSONSerialization.data(withJSONObject: question) + [0])
        while true {
            let message = try next()
            guard message["id"] as? Int == lastNumber else { continue }
            guard let result = message["result"] as? [String: Any] else {
                throw LabError("\(method): \(message["error"] ?? message)")
            }
            return result
        }
    }

    /// The next message, an answer or an event.
    private func next() throws -> [String: Any] {
        while true {
            if let end = unread.firstIndex(of: 0) {
                let message = try JSONSerialization.jsonObject(with: unread[unread.startIndex..<end])
                unread = Data(unread[(end + 1)...])
                guard let message = message as? [String: Any] else { throw LabError("not an object") }
                note(message)
                return message
            }
            let more = answers.availableData
            guard !more.isEmpty else { throw LabError("the browser ended: \(process.log.suffix(2000))") }
            unread += more
        }
    }

    private func note(_ message: [String: Any]) {
        let events = ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded"]
        guard let method = message["method"] as? String, events.contains(method) else { return }
        complaints.append("\(method): \(message["params"] ?? "")")
    }
}
