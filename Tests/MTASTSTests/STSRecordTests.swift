// SPDX-License-Identifier: Apache-2.0
import MTASTS
import RuleTables
import Testing

@Suite("STSRecord: exactly one valid record announces a policy")
struct STSRecordTests {
    @Test("finds the id", arguments: RecordTable.valid)
    func valid(_ row: RecordTable.Valid) {
        guard case .record(let record) = STSRecord.select(from: row.records) else {
            Issue.record("no record in \(row.records)")
            return
        }
        #expect(record.id == row.id)
    }

    @Test("discards other records", arguments: RecordTable.absent)
    func absent(_ records: [String]) {
        #expect(STSRecord.select(from: records) == .absent)
    }

    @Test("takes what is not exactly one valid record for no policy", arguments: RecordTable.invalid)
    func invalid(_ records: [String]) {
        guard case .invalid = STSRecord.select(from: records) else {
            Issue.record("accepted \(records)")
            return
        }
    }
}
