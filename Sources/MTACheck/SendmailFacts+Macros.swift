// SPDX-License-Identifier: Apache-2.0

extension SendmailFacts {
    /// The name of our filter in the lines that the rules propose.
    package static let ownFilter = "sts-milter"

    /// Takes a line that the rules propose for sendmail.mc, as the macros would write it to sendmail.cf.
    package mutating func take(macro line: String) {
        let bare = line.replacing("dnl", with: "").filter { $0 != "`" && $0 != "'" }
        guard let open = bare.firstIndex(of: "("), let close = bare.lastIndex(of: ")"), open < close else { return }
        let values = bare[bare.index(after: open)..<close].split(separator: ",", maxSplits: 1).map { trimmed($0) }
        guard let name = values.first else { return }
        let value = values.count > 1 ? values[1] : ""
        switch bare[..<open] {
        case "INPUT_MAIL_FILTER":
            filters.removeAll { $0.name == name }
            read("X\(name), \(value)")
            if !inputFilters.contains(name) {
                options["inputmailfilters"] = (inputFilters + [name]).joined(separator: ", ")
            }
        case "FEATURE":
            socketMaps.removeAll { $0.name == "sts" }
            options["connectioncachesize"] = "1"
            read(
                """
                O StrictTransportSecurity=true
                Ksts socket -d5 -T<TMPF> \(value)
                S\(Self.certificateNameRuleset)
                R$={cert_altnames}
                R$:*.
                """)
        case "define":
            if let option = Self.macroOptions[name] { options[option.lowercased()] = value }
        default: break
        }
    }

    /// What the macros that the rules name become.
    private static let macroOptions = [
        "confCACERT": "CACertFile", "confCACERT_PATH": "CACertPath", "confLOG_LEVEL": "LogLevel",
        "confMCI_CACHE_SIZE": "ConnectionCacheSize", "confDANE": "DANE",
        "confMILTER_MACROS_ENVRCPT": "Milter.macros.envrcpt",
    ]
}
