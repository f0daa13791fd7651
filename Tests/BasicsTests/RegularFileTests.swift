// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import TestKit
import Testing

@Suite("A file is read whole or not at all, and replaced whole or not at all")
struct RegularFileTests {
    private let directory: TemporaryDirectory
    private var file: String { directory.path + "/file" }

    init() throws {
        directory = try TemporaryDirectory("sts-file")
        try directory.write("file", "12345")
        try directory.write("empty", "")
        symlink("file", directory.path + "/link")
        symlink("nowhere", directory.path + "/dangling")
        mkfifo(directory.path + "/pipe", 0o600)
        _ = try directory.makeDirectory("folder")
    }

    private func octets(_ path: String) throws -> [UInt8] { try RegularFile.read(path, limitBytes: 1 << 20) }

    private var names: Set<String> { get throws { try Set(entries(of: directory.path)) } }

    /// Each row: the name, whether links are followed, and what comes of it with a limit of five octets.
    private static let rows: [(name: String, followsLinks: Bool, expected: Result<String, FileError>)] = [
        ("file", true, .success("12345")), ("file", false, .success("12345")), ("empty", true, .success("")),
        ("link", true, .success("12345")), ("link", false, .failure(.notRegular)),
        ("dangling", true, .failure(.system(ENOENT))), ("dangling", false, .failure(.notRegular)),
        ("none", true, .failure(.system(ENOENT))), ("file/below", true, .failure(.system(ENOTDIR))),
        ("folder", true, .failure(.notRegular)), ("pipe", true, .failure(.notRegular)),
        ("/dev/zero", true, .failure(.notRegular)),
        // One without a size, which has an end; and one that cannot be read.
        ("/proc/self/cmdline", true, .failure(.tooLong(limitBytes: 5))),
        ("/proc/self/mem", true, .failure(.system(EIO))),
    ]

    @Test("what is read, and what is refused, without waiting for it", arguments: rows.indices)
    func reading(_ index: Int) {
        let (name, followsLinks, expected) = Self.rows[index]
        let path = name.hasPrefix("/") ? name : "\(directory.path)/\(name)"
        let found = Result { () throws(FileError) in
            String(
                decoding: try RegularFile.read(path, limitBytes: 5, followsLinks: followsLinks), as: UTF8.self)
        }
        #expect(found == expected, "\(name)")
    }

    @Test("the limit is the last length that is read, and the caller looks at owner and mode")
    func limits() throws {
        #expect(throws: FileError.tooLong(limitBytes: 4)) { try RegularFile.read(file, limitBytes: 4) }
        #expect(throws: FileError.untrusted) {
            try RegularFile.read(file, limitBytes: 5) { $0.st_mode & 0o044 == 0 }
        }
        #expect(try RegularFile.read(file, limitBytes: 5) { $0.st_uid == geteuid() }.count == 5)
    }

    @Test("a file that is not there is made, one that is there is replaced, and nothing else is left beside it")
    func replacing() throws {
        let before = try names
        try RegularFile.replace(directory.path + "/new", with: Array("a".utf8), mode: 0o600)
        var status = stat()
        #expect(stat(directory.path + "/new", &status) == 0 && status.st_mode & 0o777 == 0o600)
        try RegularFile.replace(file, with: Array("b".utf8))
        #expect(try octets(directory.path + "/new") == Array("a".utf8) && octets(file) == Array("b".utf8))
        // As long as a name may be.
        let long = String(repeating: "n", count: 255)
        try RegularFile.replace(directory.path + "/" + long, with: [])
        #expect(try names == before.union(["new", long]))
        let many = [UInt8](repeating: 7, count: 3 << 20)
        try RegularFile.replace(file, with: many) { fchmod($0, 0o640) == 0 }
        #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o640)
        #expect(try RegularFile.read(file, limitBytes: many.count) == many)
    }

    @Test("a link stays where links are followed, and is replaced where they are not")
    func links() throws {
        let link = directory.path + "/link"
        var status = stat()
        try RegularFile.replace(link, with: Array("a".utf8))
        #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(try octets(file) == Array("a".utf8))
        try RegularFile.replace(link, with: Array("b".utf8), followsLinks: false)
        #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFREG)
        #expect(try octets(file) == Array("a".utf8) && octets(link) == Array("b".utf8))
    }

    @Test("what is no file is not replaced, and a failure leaves all as it was")
    func refused() throws {
        let before = try names
        for name in ["folder", "pipe"] {
            #expect(throws: FileError.notRegular, "\(name)") {
                try RegularFile.replace("\(directory.path)/\(name)", with: [1])
            }
        }
        #expect(throws: FileError.notRegular) { try RegularFile.replace("/dev/null", with: [1]) }
        #expect(throws: FileError.system(ENOENT)) {
            try RegularFile.replace(directory.path + "/nowhere/file", with: [1])
        }
        #expect(throws: FileError.system(EPERM)) {
            try RegularFile.replace(file, with: [1]) { _ in
                errno = EPERM
                return false
            }
        }
        #expect(try names == before && octets(file) == Array("12345".utf8))
    }
}

private func entries(of path: String) throws -> [String] {
    guard let directory = opendir(path) else { throw FileError.system(errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}
