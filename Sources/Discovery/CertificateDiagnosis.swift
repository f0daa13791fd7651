// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Finds out what is wrong with a certificate that was refused, for the text only.
///
/// NIOSSL tells no more than that verification failed, so the host is dialled again, shown no trust, and left as soon
/// as it has presented its certificates.
struct CertificateDiagnosis: Sendable {
    let group: any EventLoopGroup
    let host: DomainName
    let address: IPAddress
    let port: UInt16

    /// What people need to mend, such as `expired on 2026-11-20`.
    func reason(within limit: Duration) async -> String {
        let chain = await presentedChain(within: limit)
        // The clock that BoringSSL itself has just looked at.
        let now = UTCTime(time(nil))
        for (index, certificate) in chain.enumerated() {
            let subject = index == 0 ? "" : "intermediate "
            let (begin, end) = (UTCTime(certificate.notValidBefore), UTCTime(certificate.notValidAfter))
            if end < now { return "\(subject)expired on \(end.day)" }
            if now < begin { return "\(subject)not valid before \(begin.day)" }
        }
        return "not issued by a trusted authority for this use"
    }

    /// The certificates as the host sends them; empty if it does not within `limit`.
    private func presentedChain(within limit: Duration) async -> [NIOSSLCertificate] {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([])
        tls.minimumTLSVersion = .tlsv12
        tls.shutdownTimeout = .seconds(1)
        guard limit > .zero, let context = try? NIOSSLContext(configuration: tls),
            let target = try? SocketAddress(ipAddress: address.description, port: Int(port))
        else { return [] }
        let loop = group.any()
        let seen = loop.makePromise(of: [NIOSSLCertificate].self)
        let timer = loop.scheduleTask(in: TimeAmount(limit)) { seen.succeed([]) }
        let connection = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(limit))
            .channelInitializer { [host] channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try NIOSSLClientHandler(
                        context: context, serverHostname: host.ascii,
                        customVerificationCallback: { chain, verdict in
                            seen.succeed(chain)
                            verdict.succeed(.failed)
                        })
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(to: target)
        connection.whenSuccess { $0.closeFuture.whenComplete { _ in seen.succeed([]) } }
        connection.whenFailure { _ in seen.succeed([]) }
        seen.futureResult.whenComplete { _ in
            timer.cancel()
            connection.whenSuccess { $0.close(promise: nil) }
        }
        return await withTaskCancellationHandler {
            (try? await seen.futureResult.get()) ?? []
        } onCancel: {
            seen.succeed([])
        }
    }
}

extension UTCTime {
    fileprivate init(_ time: time_t) { self.init(secondsSinceEpoch: Int64(time)) }
}
