// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import SQLite

/// Writes policies in groups: what comes while one transaction is written goes into the next.
actor PolicyChanges {
    enum Change: Sendable {
        case save(CachedPolicy)
        case remove(DomainName)
    }

    private let file: DatabaseFile
    private var waiting: [(change: Change, continuation: CheckedContinuation<StoreError?, Never>)] = []
    private var isWriting = false

    init(_ file: DatabaseFile) { self.file = file }

    /// Returns when the change is on disk.
    func apply(_ change: Change) async throws(StoreError) {
        let error = await withCheckedContinuation { continuation in
            waiting.append((change, continuation))
            guard !isWriting else { return }
            isWriting = true
            Task { await self.writeAll() }
        }
        if let error { throw error }
    }

    private func writeAll() async {
        while !waiting.isEmpty {
            let group = waiting
            waiting = []
            let error = await write(group.map(\.change))
            for (_, continuation) in group { continuation.resume(returning: error) }
        }
        isWriting = false
    }

    private func write(_ changes: [Change]) async -> StoreError? {
        do throws(StoreError) {
            try await file.write { db in
                for change in changes {
                    switch change {
                    case .save(let policy): try Store.save(policy, in: db)
                    case .remove(let domain): try Store.remove(domain, in: db)
                    }
                }
            }
            return nil
        } catch {
            return error
        }
    }
}
